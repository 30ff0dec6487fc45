#include "lineage/abilities/ids.h"
#include "lineage/abilities/items.h"
#include "lineage/world/fact_templates.h"

namespace lineage {
namespace {

// The tiers in turn, so that each has the same number of items.
Fact random_fact(const World& world, uint64_t index, Instance& item, Draw& draw) {
  const Tier tier = static_cast<Tier>(index % kExposures.size());
  const Person& person = random_person(world, tier, false, draw);
  const int a = draw.below(static_cast<int>(world.config().attributes));
  item.cell = tier_name(tier);
  item.cluster = std::to_string(person.name);
  return {static_cast<Relation>(a), person.name, person.profile[a]};
}

// The same facts in wordings of tests or of training.
Instance cloze_item(const World& world, bool told, uint64_t index) {
  Draw draw(item_rng(world, "probe cloze", index));
  Instance item;
  const Fact fact = random_fact(world, index, item, draw);
  const FactTemplates& of = fact_templates(fact.relation);
  const auto forms = told ? of.train_statements() : of.test_statements();
  const Template* form = &draw.pick(forms);
  while (!form->ends_with('v')) form = &draw.pick(forms);
  item.question =
      TokenText("<src:enc>").person(fact.subject).text(":").add(fact_prompt(*form, fact)).take();
  set_value_choices(item, world, fact, draw);
  return item;
}

Instance question_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe question", index));
  Instance item;
  const Fact fact = random_fact(world, index, item, draw);
  item.question = fact_prompt(draw.pick(fact_templates(fact.relation).test_questions()), fact);
  set_value_choices(item, world, fact, draw);
  return item;
}

}  // namespace

AbilityDefinition a03_knowledge() {
  const auto cloze = [](bool told) {
    return [told](const World& world, uint64_t index) { return cloze_item(world, told, index); };
  };
  const std::string kTold = "A03.told";
  WorldScenario unseen =
      choice_scenario(kCloze, "Facts of persons never asked about, as sentences to complete",
                      6 * 240, cloze(false));
  unseen.spec.about = {
      .measures =
          "A sentence about a person stops before a fact, and the model picks the fact out "
          "of all values of that kind, such as all cities. No question of the training "
          "data asks about these persons, and the wording of the sentence is new.",
      .chance =
          "One value of the kind at random, or the most frequent one for every item, "
          "whichever scores more.",
      .low =
          "At chance the fact cannot be recalled in a new wording. It need not be lost: the rows "
          "below ask for the same facts in the wordings of the training text, and as questions.",
      .parts = "t1 to t400: persons of whom the corpus holds 1 to 400 biographies."};
  return {.id = "A03",
          .tag = Ability::world_knowledge,
          .scenarios = {unseen,
                        below(kCloze, choice_scenario(
                                          kTold, "The same facts in words that they were told in",
                                          6 * 120, cloze(true))),
                        below(kCloze,
                              choice_scenario("A03.question",
                                              "Facts of persons never asked about, as questions",
                                              6 * 120, question_item))},
          .allowed = {{.scenarios = {kTold},
                       .sources = {TrainingKind::text},
                       .checks = {Check::exact, Check::grams},
                       .why = "asked in words of the text on purpose, beside A03.cloze, whose "
                              "wordings it has not"}}};
}

}  // namespace lineage
