#include "lineage/world/item_split.h"
#include "lineage/world/probes/choices.h"
#include "lineage/world/probes/text_probes.h"
#include "lineage/world/text/entries.h"

namespace lineage {
namespace {

ProbeItem binding_item(const World& world, uint64_t index, int shots, bool two_way) {
  Draw draw(item_rng(world, "probe binding", index));  // the same pairs for every k
  const TextContext context(world);
  const auto entries = random_entries(context, context.novel_keys, kObjectRegister, 2, true, draw);
  if (entries[0].value == entries[1].value)
    return binding_item(world, index + (1ull << 40), shots, two_way);
  std::vector<int> order;
  for (int i = 0; i < 2 * shots; ++i) order.push_back(i % 2);
  draw.shuffle(order);
  DocumentWriter out(DocumentType::bursty);
  write_entry_opening(out, kObjectRegister);
  for (int which : order) write_entry(out, kObjectRegister, entries[static_cast<size_t>(which)]);
  const Entry& asked = entries[static_cast<size_t>(draw.below(2))];
  for (Token t : entry_prompt(kObjectRegister, asked)) out.token(t);

  ProbeItem item;
  item.question = out.finish().tokens;
  item.question.pop_back();
  item.cell = "k" + std::to_string(shots);
  if (shots > 0) item.baseline = 0.5;  // some label of the context
  const std::array<Token, 2> both = {entries[0].value, entries[1].value};
  set_token_choices(item,
                    two_way ? std::span<const Token>(both) : Vocabulary::get().tokens("objects"),
                    asked.value);
  return item;
}

Explanation about_binding() {
  return {.measures =
              "A list pairs two names with an object each and says each pair four times. "
              "No training text has these pairs. One of the names comes once more, and "
              "the model picks its object, out of the two.",
          .chance = "Two objects, one of them right: a guess is right half of the time.",
          .low =
              "Near .50 the model may have learned to repeat an object of the list, but "
              "not to pick the one that belongs to the name."};
}

}  // namespace

std::vector<ProbeSet> binding_probes() {
  std::vector<ProbeSet> sets;
  for (bool two_way : {false, true})
    for (int shots : {4, 0, 1, 2, 8}) {
      if (two_way && shots == 0) continue;
      const bool headline = two_way && shots == 4;
      sets.push_back({.name = std::string("A05.binding.") + (two_way ? "two_way.k" : "k") +
                              std::to_string(shots),
                      .ability = "A05",
                      .title = std::string("Labels bound in the context, ") +
                               (two_way ? "of the two there" : "of all labels"),
                      .about = headline ? about_binding() : Explanation{},
                      .method = ProbeSet::Method::choose,
                      .headline = headline,
                      .n = headline ? 1068 : 300,
                      .item = [=](const World& world, uint64_t index) {
                        return binding_item(world, index, shots, two_way);
                      }});
    }
  return sets;
}

}  // namespace lineage
