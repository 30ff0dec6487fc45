#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/text/pattern.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// What a vocabulary spells: `bytes`, as GPT-2's; or `characters`, as SentencePiece's BPE in the
// files of LLaMA 1 and 2 and Mistral: "▁" is a space, and a character that is no token becomes the
// tokens of its bytes, "<0xC3>" "<0xA9>".
enum class Symbols : uint8_t { bytes, characters };

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // "▁", U+2581

// The space before a text. `tokenizers` says it in three ways: ByteLevel's add_prefix_space, the
// pre-tokenizer Metaspace, and the normalizers Prepend and Replace.
struct SpaceBefore {
  enum class At : uint8_t { nowhere, text, segments };  // segments: behind added tokens too
  At at = At::nowhere;
  // Of characters: by the normalizer, so before a text that begins with a space too, and before
  // normalized tokens are found.
  bool normalizer = false;
  // What decoding takes from the beginning of a text: nothing, one space, or all before the first
  // token's other characters (the decoder Metaspace).
  enum class Stripped : uint8_t { none, one, all };
  Stripped stripped = Stripped::none;
  bool operator==(const SpaceBefore&) const = default;
};

// A BPE tokenizer as plain data: the content of files and the result of training.
struct BpeModel {
  struct Merge {
    Token left, right, result;
    bool operator==(const Merge&) const = default;
  };

  Symbols symbols = Symbols::bytes;
  Pattern pattern = Pattern::gpt2;  // of bytes
  // Of characters: one that is no token becomes its bytes.
  bool byte_fallback = true;
  bool words = false;  // of characters: every space mark begins a piece (Metaspace's split)
  SpaceBefore space_before;
  bool nfc = false;  // text is brought into Unicode's normalization form C before all else
  // Bytes or characters by id, "▁" for a space in the latter; empty for special and for unused ids.
  std::vector<std::string> tokens;
  std::vector<Merge> merges;  // the first applies first
  // A piece that is a token stays whole even if merges would not make it, as in tiktoken and in
  // tokenizer.json files with "ignore_merges".
  bool whole_pieces = false;
  std::vector<SpecialToken> specials;  // text never makes these
  std::vector<SpecialToken> added;     // found in any text before it is cut into pieces
  std::vector<Token> begin_of_text;    // special tokens, in their order
  // What becomes of bytes or characters that the vocabulary lacks: this token, one for each or one
  // for a run of them; -1: nothing, they are left out.
  Token unknown = -1;
  bool fuse_unknown = false;

  int64_t vocab() const;  // one more than the greatest id
};

// The byte that a token of characters spells, as "<0x0A>".
std::optional<uint8_t> byte_of_token(std::string_view token);
// "<0x0A>"
std::string byte_token(uint8_t);

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
