#include "lineage/world/grammar.h"
#include "lineage/world/item_split.h"
#include "lineage/world/probes/text_probes.h"

namespace lineage {
namespace {

ProbeItem grammar_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe grammar", index));
  const auto phenomenon = static_cast<Phenomenon>(index % kPhenomena);
  const MinimalPair pair = minimal_pair(phenomenon, SentenceUse::test, draw);
  ProbeItem item;
  item.cell = phenomenon_name(phenomenon);
  item.answers = {pair.good, pair.bad};
  if (draw.chance(0.5)) {
    std::swap(item.answers[0], item.answers[1]);
    item.correct = 1;
  }
  return item;
}

}  // namespace

std::vector<ProbeSet> grammar_probes() {
  return {{.name = "A01.grammar",
           .ability = "A01",
           .title = "Which of two sentences keeps the grammar",
           .method = ProbeSet::Method::choose,
           .n = 1200,
           .item = grammar_item}};
}

}  // namespace lineage
