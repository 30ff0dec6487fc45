#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lineage/data/conversations.h"

namespace lineage {

// A prompt of a set of conversations, to generate an answer to and to judge it.
struct FilePrompt {
  std::vector<Token> prompt;  // in ChatTemplate, up to and with the opening of the assistant's turn
  std::string reference{};    // the record's answer to it; empty when it has none
  bool heldout = false;       // by the set's share (heldout_split.h)
};

// The prompts of a set, in the order of files and records: each conversation up to the answer at
// its end, or the whole of one that ends without an answer. A prompt of more than `longest_prompt`
// tokens is dropped and counted, as is one without text; none is cut.
std::vector<FilePrompt> file_prompts(const std::string& name, const ConversationsConfig&,
                                     const Tokenizer&, int64_t longest_prompt, SourceRecord&);

}  // namespace lineage
