#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// What a closed vocabulary does not know of a text.
struct UnknownWords {
  std::vector<std::string> words;  // each once, in the order of the text
  double share = 0;                // of the text's words, in [0, 1]
};

// Nothing for a tokenizer that takes any text (BPE).
UnknownWords unknown_words(const Tokenizer&, std::string_view text);

}  // namespace lineage
