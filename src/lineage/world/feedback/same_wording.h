#pragma once

#include <cstdint>
#include <string>

#include "lineage/world/facts.h"
#include "lineage/world/item_split.h"
#include "lineage/world/token_text.h"

namespace lineage {

// A harmless request in the words of improper ones but for the verb: "how do i fix the bridge ?".
// No other request of the world has these wordings, so a model that is to tell improper ones apart
// needs them; else it may go by the wording.
struct SameWording {
  Tokens context;    // in the chat template, up to the assistant's turn
  std::string verb;  // "fix"; those of training and of tests differ
};
// By index, as FeedbackPrompts.
SameWording same_wording_request(const World&, uint64_t index, ItemUse);

}  // namespace lineage
