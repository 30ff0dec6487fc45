#include "lineage/data/shards.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

static_assert(std::endian::native == std::endian::little, "shards are mapped as they lie on disk");

constexpr std::string_view kMagic = "LINEAGE\n";
constexpr uint32_t kVersion = 1;

struct Header {
  char magic[8];
  uint32_t version, token_bytes;
  uint64_t documents, tokens, text_bytes;
  uint8_t tokenizer[32], content[32];
  uint8_t zeros[20];
  uint32_t crc;
};
static_assert(sizeof(Header) == 128);

constexpr const char* kRebuild = "remove the folder it lies in; it is made again from the source";

uint32_t crc_of(const Header& header) {
  return static_cast<uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(&header), offsetof(Header, crc)));
}

void put_digest(std::string_view hex, uint8_t (&out)[32]) {
  assert(hex.size() == 64);
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (size_t i = 0; i < 32; ++i)
    out[i] = static_cast<uint8_t>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

std::string hex_of(const uint8_t (&bytes)[32]) {
  std::string out;
  for (const uint8_t b : bytes) out += fmt::format("{:02x}", b);
  return out;
}

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

}  // namespace

ShardWriter::ShardWriter(std::string tokenizer_digest, int64_t vocab)
    : tokenizer_digest_(std::move(tokenizer_digest)), token_bytes_(vocab <= 1 << 16 ? 2 : 4) {}

void ShardWriter::add(std::span<const Token> document, int64_t text_bytes) {
  if (token_bytes_ == 2)
    narrow_.insert(narrow_.end(), document.begin(), document.end());
  else
    wide_.insert(wide_.end(), document.begin(), document.end());
  stats_.documents += 1;
  stats_.tokens += static_cast<int64_t>(document.size());
  stats_.bytes += text_bytes;
  offsets_.push_back(static_cast<uint64_t>(stats_.tokens));
}

int64_t ShardWriter::memory() const { return stats_.documents * 8 + stats_.tokens * token_bytes_; }

std::string ShardWriter::write(const std::filesystem::path& path) {
  const auto tokens = token_bytes_ == 2 ? bytes_of(narrow_) : bytes_of(wide_);
  const std::string content = Digest().add(bytes_of(offsets_)).add(tokens).hex();
  Header header = {};
  kMagic.copy(header.magic, sizeof header.magic);
  header.version = kVersion;
  header.token_bytes = static_cast<uint32_t>(token_bytes_);
  header.documents = static_cast<uint64_t>(stats_.documents);
  header.tokens = static_cast<uint64_t>(stats_.tokens);
  header.text_bytes = static_cast<uint64_t>(stats_.bytes);
  put_digest(tokenizer_digest_, header.tokenizer);
  put_digest(content, header.content);
  header.crc = crc_of(header);
  AtomicFile file(path);
  file.write(&header, sizeof header);
  file.write(offsets_.data(), offsets_.size() * sizeof offsets_[0]);
  file.write(tokens.data(), tokens.size());
  file.commit();
  stats_ = {};
  offsets_.assign(1, 0);
  narrow_.clear();
  wide_.clear();
  return content;
}

Shard::Shard(const std::filesystem::path& path, const std::string& tokenizer_digest, bool verify)
    : file_(path) {
  check_header(path, tokenizer_digest);
  check_content(path, verify);
}

void Shard::check_header(const std::filesystem::path& path, const std::string& tokenizer_digest) {
  const auto fail = [&](const std::string& seen, const std::string& wanted) {
    throw Error(path.string() + ": " + seen + "; wanted " + wanted, kRebuild);
  };
  const auto bytes = file_.bytes();
  Header header;
  if (bytes.size() < sizeof header)
    fail(fmt::format("{} bytes", bytes.size()), "a shard, which has a header of 128");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::string_view(header.magic, sizeof header.magic) != kMagic)
    fail("it does not begin with LINEAGE", "a shard of tokens");
  if (header.crc != crc_of(header))
    fail("the header is damaged (its CRC-32 differs)", "the header that was written");
  if (header.version != kVersion)
    fail(fmt::format("format version {}", header.version), fmt::format("version {}", kVersion));
  if (header.token_bytes != 2 && header.token_bytes != 4)
    fail(fmt::format("tokens of {} bytes", header.token_bytes), "2 or 4");
  // Each factor is bounded before it is multiplied, so that absurd counts cannot wrap around.
  const uint64_t room = bytes.size() - sizeof header;
  const bool fits = header.documents < room / 8 && header.tokens <= room / header.token_bytes;
  const uint64_t wanted = (header.documents + 1) * 8 + header.tokens * header.token_bytes;
  if (!fits || wanted != room)
    fail(fmt::format("{} bytes after the header, for {} documents of {} tokens in all", room,
                     header.documents, header.tokens),
         fits ? fmt::format("{} bytes (the file was cut or grew)", wanted) : "counts that fit");
  if (const std::string made_by = hex_of(header.tokenizer); made_by != tokenizer_digest)
    fail("it was made with tokenizer " + made_by.substr(0, 12),
         "this run's, " + tokenizer_digest.substr(0, 12));
  stats_ = {static_cast<int64_t>(header.documents), static_cast<int64_t>(header.tokens),
            static_cast<int64_t>(header.text_bytes)};
  digest_ = hex_of(header.content);
  token_bytes_ = header.token_bytes;
  offsets_ = reinterpret_cast<const uint64_t*>(bytes.data() + sizeof header);
  tokens_ = bytes.data() + sizeof header + (header.documents + 1) * 8;
}

void Shard::check_content(const std::filesystem::path& path, bool verify) const {
  const bool ordered =
      offsets_[0] == 0 && std::is_sorted(offsets_, offsets_ + stats_.documents + 1);
  if (!ordered || begin_of(stats_.documents) != stats_.tokens)
    throw Error(
        fmt::format("{}: its document offsets are damaged; wanted them to ascend from 0 to {}",
                    path.string(), stats_.tokens),
        kRebuild);
  if (!verify) return;
  const std::string seen = Digest().add(file_.bytes().subspan(sizeof(Header))).hex();
  if (seen != digest_)
    throw Error(fmt::format("{}: its content has SHA-256 {}…; wanted {}…, which its header says",
                            path.string(), seen.substr(0, 12), digest_.substr(0, 12)),
                kRebuild);
}

int64_t Shard::document_at(int64_t t) const {
  const uint64_t* end = offsets_ + stats_.documents + 1;
  return std::upper_bound(offsets_, end, static_cast<uint64_t>(t)) - offsets_ - 1;
}

void Shard::copy(int64_t first, int64_t count, Token* out) const {
  assert(first >= 0 && count >= 0 && first + count <= stats_.tokens);
  if (token_bytes_ == 2) {
    const auto* from = reinterpret_cast<const uint16_t*>(tokens_) + first;
    std::copy(from, from + count, out);
  } else {
    const auto* from = reinterpret_cast<const uint32_t*>(tokens_) + first;
    std::transform(from, from + count, out, [](uint32_t t) { return static_cast<Token>(t); });
  }
}

std::string tokenizer_of_shard(const std::filesystem::path& path) {
  const MappedFile file(path);
  Header header;
  require(file.bytes().size() >= sizeof header, path.string(), ": ", file.bytes().size(),
          " bytes; wanted a shard, which has a header of 128");
  std::memcpy(&header, file.bytes().data(), sizeof header);
  return hex_of(header.tokenizer);
}

}  // namespace lineage
