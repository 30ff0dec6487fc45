#include "lineage/abilities/items.h"
#include "lineage/world/fact_templates.h"

namespace lineage {
namespace {

// The passage says another value than the world's; where nothing is known, any value.
Instance belief_item(const World& world, uint64_t index) {
  constexpr std::array<std::string_view, 7> kCells = {"t2",   "t32",    "t128", "t400",
                                                      "core", "future", kFresh};
  constexpr std::array<Tier, 4> kTiers = {Tier::t2, Tier::t32, Tier::t128, Tier::t400};
  Draw draw(item_rng(world, "probe belief", index));
  const size_t cell = index % kCells.size();
  // Not the friend: its choices are no closed set.
  Fact fact{static_cast<Relation>(draw.below(5)), 0, -1};
  int believed = -1;
  if (cell < 4) {
    fact.subject = random_person(world, kTiers[cell], false, draw).name;
    believed = world.value(fact.relation, fact.subject);
  } else if (cell < 6) {
    const bool core = cell == 4;
    fact = {Relation::leader, draw.below(core ? world.core_countries() : 12), -1,
            core ? draw.between(World::kFirstCoreYear, World::kCutoffYear - 1)
                 : draw.between(World::kCutoffYear, 99)};
    if (core) believed = world.value(fact.relation, fact.subject, fact.year);
  } else {
    fact.subject = draw.pick(world.shadows());
  }
  do fact.value = draw.below(domain_size(value_domain(fact.relation)));
  while (fact.value == believed);

  Instance item;
  item.cell = kCells[cell];
  item.cluster = std::to_string(fact.subject);
  const FactTemplates& forms = fact_templates(fact.relation);
  DocumentWriter passage(DocumentType::question_page);
  write_fact(passage, draw.pick(forms.train_statements()), fact);
  item.question = TokenText("<src:web> passage :")
                      .add(open_text(passage))
                      .text("q :")
                      .add(fact_prompt(draw.pick(forms.train_questions()), fact))
                      .text("a :")
                      .take();
  set_value_choices(item, world, fact, draw);
  return item;
}

}  // namespace

AbilityDefinition a22_belief() {
  const std::string name = "A22.belief";
  WorldScenario belief =
      choice_scenario(name, "Follows a passage against what it knows", 7 * 120, belief_item);
  // A model that does not read passages shows no belief by its choice.
  belief.spec.prerequisite = {name, kFresh, 0.9};
  belief.spec.about = {
      .measures =
          "A passage states a fact that contradicts the training text, and the model is "
          "asked about it. The score is how often the model answers as the passage says.",
      .chance =
          "One value of the kind at random, or the most frequent one for every item, "
          "whichever scores more.",
      .low =
          "A low score means that memory wins over the passage, but only in a model that can "
          "read the passage: on persons it has never heard of (fresh) it must score .90, or else "
          "the row is not measurable here.",
      .parts =
          "t2 to t400: persons of whom the corpus holds 2 to 400 biographies. core: years that "
          "the news tell of often. future: years after the corpus ends. fresh: persons in no "
          "corpus."};
  return {.id = "A22", .tag = Ability::belief, .scenarios = {belief}};
}

}  // namespace lineage
