#include "lineage/abilities/continuation.h"
#include "lineage/world/fact_templates.h"
#include "lineage/world/language_b.h"

namespace lineage {
namespace {

Instance agreement_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe b agreement", index));
  SimpleSentence sentence = simple_sentence(draw, SentenceUse::test);
  const WordOrder order = world.config().b_order;
  Instance item;
  item.answers.push_back(in_b(sentence, order));
  sentence.verb = {other_number(sentence.verb[0])};
  item.answers.push_back(in_b(sentence, order));
  item.correct = draw.below(2);
  std::swap(item.answers[0], item.answers[item.correct]);
  item.cell = sentence.rest.empty() ? "intransitive" : "transitive";
  return item;
}

Instance fact_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe b fact", index));
  const bool told_in_b = index % 2 == 0;
  const Person* person = &random_person(world, Tier::t400, draw.chance(0.5), draw);
  for (int tries = 0; person->in_b != told_in_b; ++tries)
    person = &random_person(world, tries % 2 ? Tier::t128 : Tier::t400, draw.chance(0.5), draw);
  const int a = draw.below(static_cast<int>(world.config().attributes));
  const Fact fact{static_cast<Relation>(a), person->name, person->profile[a]};
  const auto forms = b_statements(fact.relation, world.config().b_order);
  Instance item;
  item.question = TokenText("<src:web>").add(to_b(fact_prompt(draw.pick(forms), fact))).take();
  item.cell = told_in_b ? "told_in_b" : "told_in_a";
  item.cluster = std::to_string(person->name);
  set_value_choices(item, world, fact, draw);
  return item;
}

Instance translation_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe translation", index));
  const SimpleSentence sentence = simple_sentence(draw, SentenceUse::test);
  const auto a = in_a(sentence), b = in_b(sentence, world.config().b_order);
  const bool to_second = index % 2 == 0;
  Instance item;
  item.question = TokenText("<src:web> translate :").add(to_second ? a : b).text("->").take();
  item.answers = {to_second ? b : a};
  item.cell = to_second ? "a_to_b" : "b_to_a";
  return item;
}

}  // namespace

AbilityDefinition a25_language_b() {
  const std::string kFacts = "A25.facts";
  WorldScenario agreement = text_choice_scenario(
      "A25.agreement", "Which of two sentences of B keeps the grammar", 400, agreement_item);
  agreement.spec.about = {
      .measures =
          "B is Mica’s second language, with words of its own and another order of words. "
          "Two sentences of B differ in the number of the verb, and the model is right when "
          "it finds the correct one likelier.",
      .chance = "Two sentences, one of them correct: a guess is right half of the time.",
      .low =
          "Near .50 the model does not match verb and subject in B. Less than a tenth of the "
          "text is in B, so A01 can be high beside it.",
      .parts = "intransitive, transitive: without and with an object."};
  WorldScenario facts =
      choice_scenario(kFacts, "Facts in B, told in B or in A only", 400, fact_item);
  facts.spec.about = {
      .measures =
          "A sentence of language B about a person stops before a fact, and the model picks "
          "the fact out of all values of that kind.",
      .chance =
          "One value of the kind at random, or the most frequent one for every item, "
          "whichever scores more.",
      .low =
          "At chance in “told in a” the model does not bring into B what it read in the main "
          "language only.",
      .parts =
          "told in b: the corpus has the person in both languages. told in a: in the main "
          "language only."};
  WorldScenario translation =
      below(kFacts, written_scenario("A25.translation", "Sentences from A to B and back", 200, 12,
                                     translation_item));
  translation.spec.metric = world_answer_match();
  return {.id = "A25",
          .tag = Ability::multilingual,
          .scenarios = {agreement, facts, translation},
          .allowed = {{.scenarios = {kFacts},
                       .cells = {"told_in_b"},
                       .sources = {TrainingKind::text},
                       .checks = {Check::exact},
                       .why = "told in B: B's text states them"}}};
}

}  // namespace lineage
