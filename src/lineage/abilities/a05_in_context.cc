#include <algorithm>
#include <array>

#include "lineage/abilities/continuation.h"
#include "lineage/abilities/ids.h"
#include "lineage/world/text/entries.h"

namespace lineage {
namespace {

Instance binding_item(const World& world, uint64_t index, int shots, bool two_way) {
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
  for (int which : order) write_entry(out, kObjectRegister, entries[which]);
  const Entry& asked = entries[draw.below(2)];
  for (Token t : entry_prompt(kObjectRegister, asked)) out.token(t);

  Instance item;
  item.question = open_text(out);
  item.cell = "k" + std::to_string(shots);
  if (shots > 0) item.baseline = 0.5;  // some label of the context
  const std::array<Token, 2> both = {entries[0].value, entries[1].value};
  set_token_choices(item,
                    two_way ? std::span<const Token>(both) : Vocabulary::get().tokens("objects"),
                    asked.value);
  return item;
}

// Tokens after 20 and after 200 of the same document.
Instance position_item(const World& world, uint64_t index) {
  constexpr std::array<size_t, 2> kPositions = {20, 200};
  const size_t at = kPositions[index % kPositions.size()];
  const uint64_t place = index / kPositions.size();
  const Tokens text = list_of(world, "probe position", place, kPositions.back() + kScored);
  const std::span<const Token> words(text);
  return text_item({text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at)},
                   words.subspan(at, kScored), "at" + std::to_string(at), place);
}

// Random words, repeated from the first on: the next word is the one that followed before.
Instance repetition_item(const World& world, uint64_t index) {
  constexpr std::array<int, 3> kPeriods = {8, 16, 24};
  const Vocabulary& v = Vocabulary::get();
  Draw draw(item_rng(world, "probe repetition", index));
  const int period = kPeriods[index % kPeriods.size()];
  Tokens pool;
  for (std::string_view block : {"objects", "foods", "jobs", "adjectives", "first_names"})
    for (Token word : v.tokens(block))
      if (std::find(pool.begin(), pool.end(), word) == pool.end()) pool.push_back(word);
  Tokens words;
  for (int i : draw.distinct(period, static_cast<int>(pool.size()))) words.push_back(pool[i]);
  const int again = draw.between(2, period - 1);
  Instance item;
  item.cell = "period " + std::to_string(period);
  item.question = joined({words, std::span(words).first(static_cast<size_t>(again))});
  set_token_choices(item, words, words[again]);
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

AbilityDefinition a05_in_context() {
  std::vector<WorldScenario> scenarios;
  for (bool two_way : {false, true})
    for (int shots : {4, 0, 1, 2, 8}) {
      if (two_way && shots == 0) continue;
      const std::string name = with_shots(two_way ? "A05.binding.two_way" : "A05.binding", shots);
      const bool own_row = name == kTwoWayBinding;
      scenarios.push_back(choice_scenario(name,
                                          std::string("Labels bound in the context, ") +
                                              (two_way ? "of the two there" : "of all labels"),
                                          own_row ? 1068 : 300,
                                          [=](const World& world, uint64_t index) {
                                            return binding_item(world, index, shots, two_way);
                                          }));
      if (own_row)
        scenarios.back().spec.about = about_binding();
      else
        scenarios.back().spec.parent_row = kTwoWayBinding;
    }
  scenarios.push_back(
      below(kTwoWayBinding,
            text_choice_scenario("A05.prefix_match", "Words without order that come again", 300,
                                 repetition_item)));
  WorldScenario& position = scenarios.emplace_back(
      below(kTwoWayBinding,
            likelihood_scenario("A05.position", "Text at 20 and at 200 tokens of a document", 100,
                                position_item)));
  position.spec.aggregates = {aggregates::log_likelihood_gain(
      "A05.in_context_score", "how much likelier text is at 200 tokens than at 20", "at20",
      "at200")};
  return {.id = "A05", .tag = Ability::binding, .scenarios = scenarios};
}

}  // namespace lineage
