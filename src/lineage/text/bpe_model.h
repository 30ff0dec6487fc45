#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/text/pattern.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// All that a byte-level BPE tokenizer is, as plain data: what files hold and training makes.
struct BpeModel {
  struct Merge {
    Token left, right, result;
    bool operator==(const Merge&) const = default;
  };

  Pattern pattern = Pattern::gpt2;
  std::vector<std::string> tokens;  // bytes by id; empty for special and for unused ids
  std::vector<Merge> merges;        // the first applies first
  // A piece that is a token stays whole even where merges would not make it: so tiktoken and
  // tokenizer.json files with "ignore_merges" have it.
  bool whole_pieces = false;
  std::vector<SpecialToken> specials;  // text never makes these
  std::vector<SpecialToken> added;     // found in any text before it is cut into pieces
  std::vector<Token> begin_of_text;    // special tokens, in their order

  int64_t vocab() const;  // one more than the greatest id
};

// Throws an Error that starts with `place` unless there are tokens, every id is sensible and used
// once, every merge joins two tokens into the third and no special token's text is empty or used
// twice.
void check_bpe_model(const BpeModel&, const std::string& place);
// Throws one unless all 256 bytes are tokens. Files of `tokenizers` may lack some.
void check_all_bytes(const BpeModel&, const std::string& place);

// Of merges that join the same two tokens the last one counts, as in `tokenizers`.
void drop_repeated_merges(std::vector<BpeModel::Merge>&);

// Of the content alone; whole_pieces counts only where it changes something, see BpeTokenizer.
std::string bpe_digest(const BpeModel&);

// The merges of a vocabulary in which any two neighbours join whose bytes together are a token,
// the lowest id first (rank files). A token's own bytes always reduce to the same two parts before
// they become it, whatever stands around them, so one merge a token says the same. Tokens that
// never reduce to two parts get none. `place` is for the Error when a byte is missing.
std::vector<BpeModel::Merge> merges_from_ranks(const std::vector<std::string>& tokens,
                                               const std::string& place);

// The longest token that is accepted, in bytes.
inline constexpr size_t kMaxTokenBytes = 4096;
// The greatest id that a vocabulary of `entries` tokens may use (so that a garbled id does not ask
// for gigabytes).
constexpr int64_t max_token_id(size_t entries) { return 2 * static_cast<int64_t>(entries) + 1024; }

}  // namespace lineage
