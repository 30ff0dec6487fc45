#pragma once

#include <vector>

#include "lineage/documents/document_index.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// Lines as they stand behind a question in a prompt.
struct ToldLines {
  std::vector<Token> tokens;  // to be added to the user's turn
  std::vector<FoundLine> lines;
};
// The first `wanted` lines of those found that the tokenizer can express and that have room
// together within `room` tokens. The form is that of the micro-world's tuning, "QUESTION : <ret>
// LINE <ret> LINE"; of a tokenizer without <ret> it is a list of lines below the question.
ToldLines tell_lines(const Tokenizer&, const std::vector<FoundLine>& found, int64_t wanted,
                     int64_t room);
// How many lines to look for, so that some may be left out.
constexpr int64_t lines_to_find(int64_t wanted) { return 2 * wanted + 8; }

}  // namespace lineage
