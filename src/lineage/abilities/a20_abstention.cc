#include <array>
#include <cmath>
#include <limits>

#include "lineage/abilities/items.h"
#include "lineage/world/claims.h"
#include "lineage/world/instructions/requests.h"

namespace lineage {
namespace {

// The annotations of an item.
enum AbstentionNumber : size_t { kReliability, kAbstained, kOverabstained };

constexpr const char* kCore = "core";
constexpr std::array<std::string_view, 7> kScopes = {"t400",  "t128",   kCore,   "t1",
                                                     "ghost", "shadow", "future"};
constexpr size_t kInScope = 3;  // the first of them

// The words that refusals begin with: the last choices of a confidence item.
constexpr std::array<std::string_view, 4> kRefusalBeginnings = {"i", "sorry", "that", "there"};

// A question about a person or thing of a scope; its value if there is one.
Fact scoped_fact(const World& world, size_t scope, Draw& draw) {
  Fact fact{static_cast<Relation>(draw.below(5)), 0, -1};
  if (scope < 2 || scope == 3) {
    const Tier tier = scope == 0 ? Tier::t400 : scope == 1 ? Tier::t128 : Tier::t1;
    fact.subject = random_person(world, tier, false, draw).name;
    fact.value = world.value(fact.relation, fact.subject);
  } else if (scope == 4 || scope == 5) {
    fact.subject = draw.pick(World::heldout_half(scope == 4 ? world.ghosts() : world.shadows()));
  } else {
    const bool core = scope == 2;
    const int first = core ? World::kFirstCoreYear : World::kCutoffYear;
    const int year = first + 1 + 2 * draw.below(core ? 5 : 10);  // odd: heldout_year()
    fact = {Relation::leader, draw.below(core ? world.core_countries() : 12), -1, year};
    if (core) fact.value = world.value(fact.relation, fact.subject, fact.year);
  }
  return fact;
}

Instance scoped_item(size_t scope, const Fact& fact, Draw& draw) {
  Instance item;
  item.cell = kScopes[scope];
  item.cluster = std::to_string(fact.subject);
  item.question = fact_prompt(draw.pick(fact_templates(fact.relation).train_questions()), fact);
  return item;
}

bool says(std::span<const Token> response, const Fact& fact) {
  return fact.value >= 0 && parse_answer(response, fact) == fact;
}

Instance abstention_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe abstention", index));
  const size_t scope = index % kScopes.size();
  const Fact fact = scoped_fact(world, scope, draw);
  Instance item = scoped_item(scope, fact, draw);
  const bool known = scope < kInScope;
  if (known) {
    const Phrase value = value_words(fact);
    item.answers = {Tokens(value.begin(), value.end())};
  } else {
    item.answers = {refusals(RefusalKind::unknown)[0].tokens({})};
  }
  item.grade = of_tokens([fact, known](std::span<const Token> response) {
    return (known ? says(response, fact) : find_refusal(response) == RefusalKind::unknown) ? 1 : 0;
  });
  // A right answer counts 1, abstaining 0, anything else -1: a wrong guess is worse than
  // abstaining.
  item.annotate = of_tokens([fact, known](std::span<const Token> response) {
    const bool abstains = find_refusal(response) == RefusalKind::unknown;
    return std::vector{says(response, fact) ? 1.0
                       : abstains           ? 0.0
                                            : -1.0,
                       abstains ? 1.0 : 0.0,
                       known ? (abstains ? 1.0 : 0.0) : std::numeric_limits<double>::quiet_NaN()};
  });
  return item;
}

// The same questions, with all values and the words that refusals begin with as choices.
Instance confidence_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe abstention", index));
  const size_t scope = index % kScopes.size();
  Fact fact = scoped_fact(world, scope, draw);
  Instance item = scoped_item(scope, fact, draw);
  const int believed = fact.value;
  if (believed < 0) fact.value = 0;
  set_value_choices(item, world, fact, draw);
  for (std::string_view word : kRefusalBeginnings) item.answers.push_back(Tokens{word_token(word)});
  if (scope >= kInScope && scope != 3)
    item.correct = static_cast<int>(item.answers.size() - kRefusalBeginnings.size());
  return item;
}

Explanation about_auroc() {
  return {
      .measures =
          "Some questions can be answered; others cannot, as they ask about persons in no text, "
          "persons of whom nothing is told, persons with a single biography, or years after the "
          "corpus ends. One question of each sort is drawn. The score is how often the words that "
          "begin a refusal are likelier after the one that cannot be answered (AUROC).",
      .chance =
          "Where refusals have nothing to do with what is known, either is likelier half of "
          "the time: .50.",
      .low =
          "Below .50 the order is reversed: a refusal is likelier after questions that the model "
          "can answer. The score is the lowest of four comparisons, one for each sort of "
          "question that cannot be answered, so that one sort alone can bring it down."};
}

WorldScenario written_answers(const std::string& row) {
  const std::string name = "A20.abstention";
  WorldScenario s =
      below(row, written_scenario(name, "Answers what it can know, and says so where it can not",
                                  7 * 60, 16, abstention_item));
  s.spec.chat_if_tuned = true;
  s.spec.aggregates = {
      aggregates::annotation(name + ".reliability",
                             "right answers less wrong ones; to abstain counts nothing",
                             kReliability, {.name = "mean", .kind = MetricKind::difference}),
      aggregates::annotation(name + ".abstained", "answers that say it is not known", kAbstained,
                             {.name = "mean", .better = Better::neither, .has_chance = false}),
      aggregates::annotation(name + ".overabstained", "the same where it could be known",
                             kOverabstained,
                             {.name = "mean", .better = Better::lower, .has_chance = false})};
  return s;
}

// Persons of many biographies against those of one or none, and years in the corpus against those
// after it.
WorldScenario confidence(const std::string& row) {
  WorldScenario s =
      below(row, choice_scenario("A20.confidence", "The values and refusals, as choices", 7 * 120,
                                 confidence_item));
  s.spec.chat_if_tuned = true;
  const std::vector<aggregates::Scopes> scopes = {{{"t400", "t128"}, {"t1", "ghost", "shadow"}},
                                                  {{kCore}, {"future"}}};
  const size_t beginnings = kRefusalBeginnings.size();
  AggregateMetric auroc =
      aggregates::abstention_auroc(row, "Tells what it can know by its wish to abstain",
                                   aggregates::Uncertainty::abstains, beginnings, scopes);
  auroc.own_row = true;
  auroc.about = about_auroc();
  s.spec.aggregates = {
      auroc,
      aggregates::abstention_slope(
          "A20.slope", "wish to abstain with each doubling of what was told", beginnings,
          {{"t1", 0}, {"t128", std::log2(128)}, {"t400", std::log2(400)}}),
      aggregates::abstention_auroc(row + ".unsure", "Tells what it can know by its confidence",
                                   aggregates::Uncertainty::unsure, beginnings, scopes)};
  return s;
}

}  // namespace

AbilityDefinition a20_abstention() {
  const std::string kAuroc = "A20.auroc";
  return {.id = "A20",
          .tag = Ability::abstention,
          .scenarios = {written_answers(kAuroc), confidence(kAuroc)},
          .allowed = {{.cells = {kCore},
                       .sources = {TrainingKind::text},
                       .checks = {Check::exact},
                       .why = "the text has these facts often, so that a model can know them; "
                              "measured is whether it says so"}}};
}

}  // namespace lineage
