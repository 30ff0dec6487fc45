#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "lineage/text/bpe_model.h"
#include "lineage/text/bpe_tables.h"
#include "lineage/text/text_matcher.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

class PieceCache;

// BPE (Sennrich et al. 2016) over bytes, as in GPT-2 (Radford et al. 2019, section 2.2), or over
// characters with bytes for those that are no tokens, as in SentencePiece (Kudo and Richardson
// 2018). Text is normalized and cut into pieces; inside a piece the merges apply in their order. A
// piece that becomes one token, as most do, is found by one table lookup; each thread caches the
// others for a while.
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
  void encode_ordinary(std::string_view text, Before, std::vector<Token>& out) const override;

 private:
  // Whether text is cut and merged as it is.
  bool plain() const;
  // Whether a space goes before a text with that before it.
  bool puts_space(Before) const;
  std::string normalized(std::string_view text, Before) const;
  void encode_normalized(std::string_view text, Before, std::vector<Token>& out) const;
  void encode_segment(std::string_view text, Before, std::vector<Token>& out) const;
  void encode_cut(std::string_view text, std::vector<Token>& out) const;
  template <class Scan>
  void encode_pieces(std::string_view text, const Scan& scan, std::vector<Token>& out) const;
  void index_characters();
  // The tokens of the bytes or characters; -1 for those that the vocabulary lacks, and then false.
  bool read_symbols(std::string_view text, std::vector<Token>& symbols) const;
  bool read_bytes(std::string_view bytes, std::vector<Token>& symbols) const;
  bool read_characters(std::string_view text, std::vector<Token>& symbols) const;
  void replace_unknown(std::vector<Token>& symbols) const;
  void merge_piece(const char* p, size_t size, std::vector<Token>& symbols) const;
  std::vector<bool> tokens_that_merges_make() const;
  void check_tokens_made(const std::vector<bool>& made, const std::string& place);

  BpeModel model_;
  int64_t vocab_ = 0;
  std::vector<std::string_view> bytes_;  // by id, special ones too; empty for unused ids
  std::vector<std::string> decoded_;     // of characters: what bytes_ shows
  std::array<Token, 256> byte_token_;
  std::unordered_map<uint32_t, Token> character_token_;
  bool cut_at_spaces_ = false;  // of characters: no merge crosses the first mark of a row
  PairTable pairs_;
  PieceTable pieces_;
  TextMatcher added_, normalized_;
  uint64_t serial_ = 0;  // for threads' caches: whose pieces they hold
};

}  // namespace lineage
