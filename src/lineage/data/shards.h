#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/file.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// A shard: the tokens of many documents in one file, to be memory-mapped. Little-endian:
//
//   byte    0  "LINEAGE\n"                     8  version u32 = 1       12  token bytes u32: 2 or 4
//          16  documents D u64                24  tokens N u64          32  text bytes u64
//          40  tokenizer digest, 32 bytes     72  SHA-256 of all from byte 128 on
//         104  zeros                         124  CRC-32 of bytes 0..123
//         128  offsets u64 × (D + 1): document d is tokens [offset[d], offset[d+1])
//              tokens u16 or u32 × N
//
// A document's last token is end_of_text. A file appears whole or not at all.
struct ShardStats {
  int64_t documents = 0, tokens = 0, bytes = 0;  // bytes of text
};

// Collects one shard in memory and writes it. The file's content depends on the documents alone.
class ShardWriter {
 public:
  // `vocab` chooses 2 or 4 bytes a token.
  ShardWriter(std::string tokenizer_digest, int64_t vocab);
  void add(std::span<const Token> document, int64_t text_bytes);
  const ShardStats& stats() const { return stats_; }
  int64_t memory() const;  // bytes held
  // Writes the shard and starts an empty one. Returns the digest of the written shard.
  std::string write(const std::filesystem::path&);

 private:
  std::string tokenizer_digest_;
  int64_t token_bytes_;
  ShardStats stats_;
  std::vector<uint64_t> offsets_{0};
  std::vector<uint16_t> narrow_;
  std::vector<uint32_t> wide_;
};

// A shard on disk, mapped. Immutable and thread-safe. Opening it checks the header, the sizes and
// the offsets; with `verify` also the checksum of all, which reads the file once.
class Shard {
 public:
  Shard(const std::filesystem::path&, const std::string& tokenizer_digest, bool verify);

  const ShardStats& stats() const { return stats_; }
  const std::string& digest() const { return digest_; }  // of offsets and tokens
  // Tokens before document d; d may be `documents`.
  int64_t begin_of(int64_t document) const { return static_cast<int64_t>(offsets_[document]); }
  // The document that holds token t.
  int64_t document_at(int64_t t) const;
  // Tokens [first, first + count).
  void copy(int64_t first, int64_t count, Token* out) const;

 private:
  void check_header(const std::filesystem::path&, const std::string& tokenizer_digest);
  void check_content(const std::filesystem::path&, bool verify) const;

  MappedFile file_;
  ShardStats stats_;
  std::string digest_;
  int64_t token_bytes_ = 0;
  const uint64_t* offsets_ = nullptr;
  const std::byte* tokens_ = nullptr;
};

// Tokenizer::digest() in the header of a shard.
std::string tokenizer_of_shard(const std::filesystem::path&);

}  // namespace lineage
