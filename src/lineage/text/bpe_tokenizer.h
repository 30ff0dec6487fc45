#pragma once

#include <array>
#include <string>
#include <vector>

#include "lineage/text/bpe_model.h"
#include "lineage/text/bpe_tables.h"
#include "lineage/text/text_matcher.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

class PieceCache;

// Byte-level BPE (Sennrich et al. 2016; bytes as in GPT-2, Radford et al. 2019, section 2.2). Text
// is cut into pieces by the pattern; inside a piece the merges apply in their order. A piece that
// becomes one token, as most do, is found by one table lookup; each thread caches the others for a
// while.
class BpeTokenizer final : public Tokenizer {
 public:
  // Throws like check_bpe_model(); `place` names the model in the message.
  explicit BpeTokenizer(BpeModel model, const std::string& place = "tokenizer");

  const BpeModel& model() const { return model_; }

  void save(const fs::path&, TokenizerFormat = TokenizerFormat::huggingface) const override;
  std::vector<Token> encode_parallel(std::string_view text) const override;
  void append_piece(Token previous, Token token, std::string& out) const override;
  std::string_view token_bytes(Token) const override;
  bool contains(Token) const override;
  int64_t vocab() const override { return vocab_; }

 protected:
  void encode_ordinary(std::string_view text, std::vector<Token>& out) const override;

 private:
  template <Pattern kPattern>
  void encode_pieces(std::string_view text, std::vector<Token>& out) const;
  void encode_segment(std::string_view text, std::vector<Token>& out) const;
  // False when one of the bytes is not a token.
  bool read_bytes(std::string_view bytes, std::vector<Token>& symbols) const;
  void merge_piece(const char* p, size_t size, std::vector<Token>& symbols) const;
  std::vector<bool> tokens_that_merges_make() const;
  void check_tokens_made(const std::vector<bool>& made, const std::string& place);

  BpeModel model_;
  int64_t vocab_ = 0;
  std::vector<std::string_view> bytes_;  // by id, special ones too; empty for unused ids
  std::array<Token, 256> byte_token_;
  PairTable pairs_;
  PieceTable pieces_;
  TextMatcher added_;
  uint64_t serial_ = 0;  // for threads' caches: whose pieces they hold
};

}  // namespace lineage
