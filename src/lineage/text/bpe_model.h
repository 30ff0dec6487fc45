#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/text/pattern.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// A byte-level BPE tokenizer as plain data: the content of files and the result of training.
struct BpeModel {
  struct Merge {
    Token left, right, result;
    bool operator==(const Merge&) const = default;
  };

  Pattern pattern = Pattern::gpt2;
  std::vector<std::string> tokens;  // bytes by id; empty for special and for unused ids
  std::vector<Merge> merges;        // the first applies first
  // A piece that is a token stays whole even if merges would not make it, as in tiktoken and in
  // tokenizer.json files with "ignore_merges".
  bool whole_pieces = false;
  std::vector<SpecialToken> specials;  // text never makes these
  std::vector<SpecialToken> added;     // found in any text before it is cut into pieces
  std::vector<Token> begin_of_text;    // special tokens, in their order

  int64_t vocab() const;  // one more than the greatest id
};

// Throws an Error that starts with `place` unless there are tokens, every id is valid and used
// once, every merge joins two tokens into the third and no special token's text is empty or used
// twice.
void check_bpe_model(const BpeModel&, const std::string& place);
// Throws one unless all 256 bytes are tokens. Files of `tokenizers` may lack some.
void check_all_bytes(const BpeModel&, const std::string& place);

// Keeps only the last of merges that join the same two tokens, as in `tokenizers`.
void drop_repeated_merges(std::vector<BpeModel::Merge>&);

// A digest of the content; whole_pieces is part of it only if it has an effect, see BpeTokenizer.
std::string bpe_digest(const BpeModel&);

// The merges of a vocabulary in which any two neighbours join whose bytes together are a token, the
// lowest id first (rank files). A token's own bytes always reduce to the same two parts before they
// become it, whatever is around them, so one merge per token is equivalent. Tokens that never
// reduce to two parts get none. `place` is for the Error when a byte is missing.
std::vector<BpeModel::Merge> merges_from_ranks(const std::vector<std::string>& tokens,
                                               const std::string& place);

// The longest token that is accepted, in bytes.
inline constexpr size_t kMaxTokenBytes = 4096;
// The greatest id that a vocabulary of `entries` tokens may use (so that a garbled id does not
// allocate gigabytes).
constexpr int64_t max_token_id(size_t entries) { return 2 * static_cast<int64_t>(entries) + 1024; }

}  // namespace lineage
