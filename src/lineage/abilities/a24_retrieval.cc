#include "lineage/abilities/items.h"
#include "lineage/base/enum_index.h"
#include "lineage/world/fact_templates.h"
#include "lineage/world/instructions/statements.h"

namespace lineage {
namespace {

// The form of the lines: none; as in the instructions of tuning (F39: "where was mira volk born ? :
// <ret> … . <ret> … ."); as in the corpus's passages, for models that were never tuned.
enum class Lines : uint8_t { none, retrieved, passage };

constexpr std::array<std::string_view, 5> kTierCells = {"t2", "t8", "t32", "t400", kFresh};
constexpr std::array<Tier, 4> kTiers = {Tier::t2, Tier::t8, Tier::t32, Tier::t400};
constexpr int kSameRelation = 3;  // of the four lines, those that state the asked relation

// The asked fact, and the lines: the answer, the same relation of two others, another fact of the
// same person.
struct Question {
  Fact asked;
  std::vector<Fact> lines;
};

Question draw_question(const World& world, size_t cell, Draw& draw) {
  Question q;
  // Not the friend: its choices are no closed set.
  q.asked = {static_cast<Relation>(draw.below(5)), 0, -1};
  Profile profile;
  if (cell < kTiers.size()) {
    const Person& person = random_person(world, kTiers[cell], false, draw);
    q.asked.subject = person.name, profile = person.profile;
  } else {
    q.asked.subject = draw.pick(world.shadows()), profile = world.random_profile(draw);
  }
  const auto value = [&](Relation r) { return profile[enum_index(r)]; };
  q.asked.value = value(q.asked.relation);
  q.lines = {q.asked};
  for (int i = 1; i < kSameRelation; ++i) {
    const int other = draw.pick(world.ephemerals());
    q.lines.push_back(
        {q.asked.relation, other, draw.below(domain_size(value_domain(q.asked.relation)))});
  }
  const auto else_told =
      static_cast<Relation>((static_cast<int>(q.asked.relation) + 1 + draw.below(4)) % 5);
  q.lines.push_back({else_told, q.asked.subject, value(else_told)});
  draw.shuffle(q.lines);
  return q;
}

Instance retrieval_item(const World& world, Lines how, uint64_t index) {
  Draw draw(item_rng(world, "probe retrieval", index));
  const size_t cells = how == Lines::none ? kTierCells.size() - 1 : kTierCells.size();
  const size_t cell = index % cells;
  const Question q = draw_question(world, cell, draw);
  const Template& form = draw.pick(fact_templates(q.asked.relation).train_questions());
  TokenText lines;
  for (const Fact& f : q.lines) {
    if (how == Lines::retrieved) lines.text("<ret>");
    lines.add(statement(f, draw.below(8)));
  }
  Instance item;
  item.cell = kTierCells[cell];
  item.cluster = std::to_string(q.asked.subject);
  const Tokens asked = fact_prompt(form, q.asked), told = lines.take();
  if (how == Lines::none)
    item.question = asked;
  else if (how == Lines::retrieved)
    item.question = joined({asked, words_to_tokens(":"), told});
  else
    item.question =
        TokenText("<src:web> passage :").add(told).text("q :").add(asked).text("a :").take();
  if (how != Lines::none) item.baseline = 1.0 / kSameRelation;  // some line's value of that kind
  set_value_choices(item, world, q.asked, draw);
  return item;
}

WorldScenario retrieval(std::string name, std::string title, int64_t n, Lines how) {
  WorldScenario s = choice_scenario(
      name, std::move(title), n,
      [how](const World& world, uint64_t index) { return retrieval_item(world, how, index); });
  if (how != Lines::none) s.spec.prerequisite = {std::move(name), kFresh, 0.9};
  return s;
}

}  // namespace

AbilityDefinition a24_retrieval() {
  const std::string kRetrieved = "A24.retrieved";
  WorldScenario retrieved =
      retrieval(kRetrieved, "Facts read from one of four retrieved lines", 400, Lines::retrieved);
  retrieved.spec.about = {
      .measures =
          "Four lines follow a question, and one of them answers it. The model picks the "
          "fact out of all values of that kind.",
      .chance =
          "Three of the four lines state a fact of the kind asked for: one of these at random "
          "is right in a third of the items.",
      .low =
          "Near .33 the model takes a fact from the lines, but not from the line about the right "
          "person. On persons it has never heard of (fresh) it must score .90, or else the row "
          "is not measurable here.",
      .parts =
          "t2 to t400: persons of whom the corpus holds 2 to 400 biographies. fresh: persons in "
          "no corpus."};
  WorldScenario passage =
      below(kRetrieved,
            retrieval("A24.passage", "Facts read from one of four sentences", 400, Lines::passage));
  passage.spec.templates = {PromptSpec::Template::raw};
  return {.id = "A24",
          .tag = Ability::retrieval,
          .scenarios = {retrieved, passage,
                        below(kRetrieved, retrieval("A24.closed", "The same facts from memory", 320,
                                                    Lines::none))}};
}

}  // namespace lineage
