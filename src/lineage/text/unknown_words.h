#pragma once

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

// Empty for a tokenizer that accepts any text (BPE).
UnknownWords unknown_words(const Tokenizer&, std::string_view text);

}  // namespace lineage
