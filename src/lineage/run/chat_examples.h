#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lineage/checkpoint/manifest.h"
#include "lineage/world/facts.h"

namespace lineage {

// Something to ask a tuned model of the micro-world.
struct ChatExample {
  std::string about;               // "a sum"
  std::vector<std::string> turns;  // the user's, one after the other
  std::string answer;              // a right one, to the last of them
};

// One of each sort, made from the world, so that they are true in it; always the same.
std::vector<ChatExample> chat_examples(const World&);

// Whether a model was tuned on the micro-world's demonstrations, which have one turn each: earlier
// turns then confuse it more often than they help.
bool tuned_on_single_turns(const Manifest&);

inline constexpr std::string_view kAboutMicroWorld =
    "grew up in the micro-world and knows 1,024 words: lower case, spaces around punctuation";

}  // namespace lineage
