#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// The words of a text outside a closed vocabulary.
struct UnknownWords {
  std::vector<std::string> words;  // each once, in the order of the text
  double share = 0;                // of the text's words, in [0, 1]
};

// The words of a closed vocabulary; numbers of any length are words besides where it has "<d0>".
// None for a tokenizer that accepts any text.
std::optional<std::vector<std::string>> closed_vocabulary(const Tokenizer&);

// Empty for a tokenizer that accepts any text (BPE).
UnknownWords unknown_words(const Tokenizer&, std::string_view text);

// The text with `before` and `behind` around each of these words.
std::string mark_unknown_words(const Tokenizer&, std::string_view text, std::string_view before,
                               std::string_view behind);

// An unknown word as the vocabulary has it: in lower case and apart from punctuation ("Box." is
// "box ."), else the nearest word; empty if none is near.
std::string nearest_known(const Tokenizer&, std::string_view word);

// The first few of these words with what is nearest to each, for a note: "Box." (nearest: "box .").
std::string listed_unknown_words(const Tokenizer&, const UnknownWords&);

}  // namespace lineage
