#include "lineage/world/fact_templates.h"
#include "lineage/world/item_split.h"
#include "lineage/world/probes/choices.h"
#include "lineage/world/probes/text_probes.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

// The tiers in turn, so that each has the same number of items.
Fact random_fact(const World& world, uint64_t index, ProbeItem& item, Draw& draw) {
  const Tier tier = static_cast<Tier>(index % kExposures.size());
  const Person& person = random_person(world, tier, false, draw);
  const int a = draw.below(static_cast<int>(world.config().attributes));
  item.cell = tier_name(tier);
  item.cluster = std::to_string(person.name);
  return {static_cast<Relation>(a), person.name, person.profile[static_cast<size_t>(a)]};
}

// The same facts in wordings of tests or of training.
ProbeItem cloze_item(const World& world, bool told, uint64_t index) {
  Draw draw(item_rng(world, "probe cloze", index));
  ProbeItem item;
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

ProbeItem question_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe question", index));
  ProbeItem item;
  const Fact fact = random_fact(world, index, item, draw);
  item.question = fact_prompt(draw.pick(fact_templates(fact.relation).test_questions()), fact);
  set_value_choices(item, world, fact, draw);
  return item;
}

}  // namespace

std::vector<ProbeSet> knowledge_probes() {
  ProbeSet cloze{
      .name = "A03.cloze",
      .ability = "A03",
      .title = "Facts of persons never asked about, as sentences to complete",
      .about = {.measures =
                    "A sentence about a person stops before a fact, and the model picks the fact "
                    "out of all values of that kind, such as all cities. No question of the "
                    "training data asks about these persons, and the wording of the sentence is "
                    "new.",
                .chance =
                    "One value of the kind at random, or the most frequent one for every item, "
                    "whichever scores more.",
                .low =
                    "At chance the fact cannot be recalled in a new wording. It need not be lost: "
                    "the rows below ask for the same facts in the wordings of the training text, "
                    "and as questions.",
                .parts = "t1 to t400: persons of whom the corpus holds 1 to 400 biographies."},
      .method = ProbeSet::Method::choose,
      .n = 6 * 240,
      .item = [](const World& world, uint64_t index) { return cloze_item(world, false, index); }};
  ProbeSet told = cloze;
  told.about = {};
  told.name = "A03.told";
  told.title = "The same facts in words that they were told in";
  told.headline = false;
  told.n = 6 * 120;
  told.item = [](const World& world, uint64_t index) { return cloze_item(world, true, index); };
  ProbeSet question = cloze;
  question.about = {};
  question.name = "A03.question";
  question.title = "Facts of persons never asked about, as questions";
  question.headline = false;
  question.n = 6 * 120;
  question.item = question_item;
  return {cloze, told, question};
}

}  // namespace lineage
