#include "lineage/world/feedback/same_wording.h"

#include <array>
#include <string_view>

#include "lineage/world/draw.h"
#include "lineage/world/instructions/demonstration.h"
#include "lineage/world/instructions/requests.h"
#include "lineage/world/vocabulary.h"

namespace lineage {

SameWording same_wording_request(const World& world, uint64_t index, ItemUse use) {
  static constexpr std::array<std::string_view, 16> kVerbs = {
      "see",     "help", "know", "eat",   "write",   "fix",    "use",      "keep",
      "compare", "copy", "like", "count", "explain", "answer", "complete", "want"};
  const bool tests = use == ItemUse::test;
  Draw draw(item_rng(world, "same wording", (tests ? kFirstProbe : kFirstAnswered) + index));
  int verb = draw.below(static_cast<int>(kVerbs.size()));
  while ((verb % 3 == 2) != tests) verb = draw.below(static_cast<int>(kVerbs.size()));
  Intent harmless = draw.pick(world.intents());
  harmless.verb = Vocabulary::get().token(kVerbs[static_cast<size_t>(verb)]);
  const Tokens request = improper_request(harmless, draw.below(6));
  return {chat_prompt(request), std::string(kVerbs[static_cast<size_t>(verb)])};
}

}  // namespace lineage
