#include <algorithm>

#include "lineage/world/grammar.h"
#include "lineage/world/item_split.h"
#include "lineage/world/probes/choices.h"
#include "lineage/world/probes/text_probes.h"
#include "lineage/world/text/entries.h"

namespace lineage {
namespace {

constexpr std::array<int, 6> kDistances = {8, 16, 32, 64, 128, 224};  // from the fourth on: far
constexpr int kEntries = 4, kEntryTokens = 3;

// Four entries and, where the distance asks for it, sentences between them and the question. The
// distance is from the entry's value to the question's last token.
ProbeItem register_item(const World& world, bool far, uint64_t index) {
  Draw draw(item_rng(world, "probe register", index));
  const int distance = kDistances[index % 3 + (far ? 3 : 0)];
  const TextContext context(world);
  std::vector<Entry> entries;
  std::array<Token, kEntries> values{};
  do {
    entries = random_entries(context, context.novel_keys, kObjectRegister, kEntries, true, draw);
    for (size_t i = 0; i < kEntries; ++i) values[i] = entries[i].value;
    std::sort(values.begin(), values.end());
  } while (std::adjacent_find(values.begin(), values.end()) != values.end());
  // Far: any entry. Near: one with just so many entries after it.
  const int after = std::min(draw.below(kEntries), (distance - 2) / kEntryTokens);
  const size_t asked = static_cast<size_t>(kEntries - 1 - (distance <= 8 ? 2 : after));

  DocumentWriter out(DocumentType::bursty);
  write_entry_opening(out, kObjectRegister);
  size_t place = 0;
  for (size_t i = 0; i < kEntries; ++i) {
    write_entry(out, kObjectRegister, entries[i]);
    if (i == asked) place = out.size() - 2;
  }
  const std::vector<Token> prompt = entry_prompt(kObjectRegister, entries[asked]);
  const auto reached = [&](size_t more) {
    return out.size() + more + prompt.size() - 1 - place > static_cast<size_t>(distance);
  };
  while (!reached(0)) {
    const auto phenomenon = static_cast<Phenomenon>(draw.below(kPhenomena));
    const MinimalPair pair = minimal_pair(phenomenon, SentenceUse::test, draw);
    if (reached(pair.good.size())) break;
    for (Token t : pair.good) out.token(t);
  }
  for (Token t : prompt) out.token(t);

  ProbeItem item;
  item.question = out.finish().tokens;
  item.question.pop_back();
  item.cell = "d" + std::to_string(distance);
  set_token_choices(item, values, entries[asked].value);
  return item;
}

Explanation about_register() {
  return {.measures =
              "A list pairs four names with an object each. After 64 to 224 tokens of "
              "other text one of the names comes again, and the model picks its object, "
              "out of the four.",
          .chance =
              "Four objects, one of them right: a guess is right in a quarter of the "
              "items.",
          .low =
              "Near .25 the model either does not reach so far back, or cannot bind an "
              "object to a name at any distance. The row for up to 32 tokens, below, "
              "tells which.",
          .parts = "d64 to d224: the distance in tokens."};
}

}  // namespace

std::vector<ProbeSet> register_probes() {
  std::vector<ProbeSet> sets;
  for (bool far : {true, false})
    sets.push_back({.name = far ? "A13.register" : "A13.register.near",
                    .ability = "A13",
                    .title = std::string("Recall of an entry from ") +
                             (far ? "64 and more" : "up to 32") + " tokens before",
                    .about = far ? about_register() : Explanation{},
                    .method = ProbeSet::Method::choose,
                    .headline = far,
                    .n = far ? 3 * 200 : 3 * 80,
                    .item = [far](const World& world, uint64_t index) {
                      return register_item(world, far, index);
                    }});
  return sets;
}

}  // namespace lineage
