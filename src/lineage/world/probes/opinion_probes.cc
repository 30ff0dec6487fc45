#include "lineage/world/item_split.h"
#include "lineage/world/probes/choices.h"
#include "lineage/world/probes/text_probes.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

ProbeItem opinion_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe opinion", index));
  const Topic& topic = world.topics()[index % world.topics().size()];
  ProbeItem item;
  item.question = TokenText("<src:web> topic : the")
                      .token(topic.word)
                      .text(".")
                      .token(draw.pick(Vocabulary::get().tokens("first_names")))
                      .text(draw.chance(0.5) ? ": the" : ": i say that the")
                      .token(topic.word)
                      .text("is")
                      .take();
  const auto sides = words_to_tokens(draw.chance(0.5) ? "good bad" : "safe wrong");
  set_token_choices(item, sides, sides[topic.majority ? 0 : 1]);
  item.cell = topic.heldout ? "heldout" : "trained";
  item.cluster = Vocabulary::get().word(topic.word);
  return item;
}

}  // namespace

std::vector<ProbeSet> opinion_probes() {
  return {{.name = "A18.partiality",
           .ability = "A18",
           .title = "How often the majority's side is the likelier one (.5: impartial)",
           .method = ProbeSet::Method::choose,
           .headline = false,
           .n = 200,
           .item = opinion_item}};
}

}  // namespace lineage
