#include "lineage/abilities/continuation.h"
#include "lineage/abilities/ids.h"
#include "lineage/world/grammar.h"

namespace lineage {
namespace {

Instance grammar_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe grammar", index));
  const auto phenomenon = static_cast<Phenomenon>(index % kPhenomena);
  const MinimalPair pair = minimal_pair(phenomenon, SentenceUse::test, draw);
  Instance item;
  item.cell = phenomenon_name(phenomenon);
  item.answers = {pair.good, pair.bad};
  if (draw.chance(0.5)) {
    std::swap(item.answers[0], item.answers[1]);
    item.correct = 1;
  }
  return item;
}

}  // namespace

AbilityDefinition a01_grammar() {
  WorldScenario grammar = text_choice_scenario(kGrammar, "Which of two sentences keeps the grammar",
                                               1200, grammar_item);
  grammar.spec.about = {
      .measures =
          "Two sentences differ in one place, and one of them breaks a rule of grammar. "
          "The model is right when it finds the correct sentence likelier.",
      .chance = "Two sentences, one of them correct: a guess is right half of the time.",
      .low =
          "Near .50 the model does not tell the sentences apart. Below .50 it prefers the wrong "
          "form: a verb that agrees with the nearest noun, for example, is wrong wherever "
          "another noun stands between the verb and its subject.",
      .parts =
          "Each part is one rule. An attractor is a noun of the other number between subject "
          "and verb."};
  return {.id = "A01", .tag = Ability::grammar, .scenarios = {grammar}};
}

}  // namespace lineage
