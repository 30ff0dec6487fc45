#include "lineage/abilities/suite.h"

#include <algorithm>
#include <stdexcept>

#include "lineage/abilities/ids.h"
#include "lineage/abilities/items.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

constexpr AbilityDefinition (*kAbilities[])() = {a01_grammar,
                                                 a02_stories,
                                                 a03_knowledge,
                                                 a04_commonsense,
                                                 a05_in_context,
                                                 a06_functions_in_context,
                                                 a07_few_shot,
                                                 a08_instructions,
                                                 a09_generalisation,
                                                 a10_code_generation,
                                                 a11_code_understanding,
                                                 a12_reasoning,
                                                 a13_long_range,
                                                 a14_tracking,
                                                 a15_demonstrations,
                                                 a16_alignment_tax,
                                                 a17_informative,
                                                 a18_impartial,
                                                 a19_propriety,
                                                 a20_abstention,
                                                 a21_history,
                                                 a22_belief,
                                                 a23_exactness,
                                                 a24_retrieval,
                                                 a25_language_b,
                                                 a26_training_shift};

// The words of a part that is given in tokens.
void add_text(Part& part) {
  if (part.text.empty()) part.text = Vocabulary::get().tokenizer()->decode(part.tokens);
}

void add_texts(Instance& item) {
  add_text(item.question);
  add_text(item.chain);
  for (auto* parts : {&item.answers, &item.contexts})
    for (Part& part : *parts) add_text(part);
  for (FewShotExample& e : item.examples)
    for (Part* part : {&e.question, &e.chain, &e.answer}) add_text(*part);
}

class SuiteScenario final : public Scenario {
 public:
  SuiteScenario(ScenarioSpec spec, std::shared_ptr<const World> world, ItemFunction item)
      : Scenario(std::move(spec)), world_(std::move(world)), item_(std::move(item)) {}

  std::vector<Instance> items(ItemSet which, int64_t n) const override {
    std::vector<Instance> result;
    if (which == ItemSet::examples) return result;  // each item has its own
    const uint64_t first = which == ItemSet::test ? kFirstProbe : kFirstDevProbe;
    for (uint64_t index = first; index < first + static_cast<uint64_t>(n); ++index) {
      Instance& item = result.emplace_back(item_(*world_, index));
      item.id = std::to_string(index);
      add_texts(item);
    }
    return result;
  }

 private:
  std::shared_ptr<const World> world_;
  ItemFunction item_;
};

// The form of the corpus: a question page's "q : … a : …", unless the question begins like a
// document, to be continued.
void set_raw_form(PromptSpec& p, const Instance& sample, bool continues_text) {
  const Vocabulary& v = Vocabulary::get();
  p.chain_end = " answer ", p.step_mark = " .";
  p.answer_lead = "", p.before_answer = "", p.after_answer = " ";
  const Tokens& question = sample.question.tokens;
  if (continues_text || question.empty() || v.word(question[0]).starts_with("<src:")) {
    const Token newline = v.token("\n");
    const bool many_lines =
        !sample.answers.empty() &&
        std::ranges::find(sample.answers[0].tokens, newline) != sample.answers[0].tokens.end();
    if (!many_lines) p.after_answer = "\n";
    return;
  }
  p.raw_opening = Tokens{v.token("<src:web>")};
  add_text(p.raw_opening);
  p.before_question = "q : ", p.before_answer = " a : ";
  if (p.reasoning == PromptSpec::Reasoning::direct) p.raw_closing = " .";
  p.sampling.stop = {"q :"};
}

// The first n items again with another number of demonstrations.
WorldScenario condition(const WorldScenario& s, const WorldScenario::Condition& c) {
  WorldScenario with = s;
  with.spec.name = with_shots(s.spec.name, c.shots);
  with.spec.condition_of = s.spec.name;
  with.spec.title += ", " + std::to_string(c.shots) + " demonstrations";
  with.spec.prompt.shots = c.shots, with.spec.n = c.n;
  with.spec.aggregates.clear();
  return with;
}

// Several sampled chains, all of which vote (self-consistency, Wang et al. 2023); also the vote of
// those with the most steps (complexity-based, Fu et al. 2023), and one chain alone.
WorldScenario majority_vote(const WorldScenario& s) {
  constexpr double kTemperature = 0.7;  // Wang et al. 2023
  constexpr int64_t kMost = 50;         // items, each of which costs as many answers as votes
  WorldScenario voted = s;
  ScenarioSpec& spec = voted.spec;
  spec.name += ".majority";
  spec.condition_of = s.spec.name;
  spec.title += ", " + std::to_string(s.votes) + " chains vote";
  spec.n = std::min(spec.n, kMost);
  PromptSpec& p = spec.prompt;
  p.sampling.temperature = kTemperature;
  p.samples = s.votes, p.vote = PromptSpec::Vote::majority;
  const std::string& row = s.spec.parent_row.empty() ? s.spec.name : s.spec.parent_row;
  spec.aggregates = {
      aggregates::vote(s.spec.name + ".complexity", s.spec.title + ", the longest chains vote", p,
                       PromptSpec::Vote::complexity),
      aggregates::vote(s.spec.name + ".sampled", s.spec.title + ", one chain drawn", p,
                       PromptSpec::Vote::first)};
  for (AggregateMetric& m : spec.aggregates) m.parent_row = row;
  return voted;
}

// Its conditions and its vote are shown below its row.
std::vector<WorldScenario> with_conditions(const WorldScenario& s) {
  std::vector<WorldScenario> all;
  for (const WorldScenario::Condition& c : s.conditions) all.push_back(condition(s, c));
  if (s.votes > 0) all.push_back(majority_vote(s));
  for (WorldScenario& c : all) {
    c.spec.about = {};
    if (c.spec.parent_row.empty()) c.spec.parent_row = s.spec.name;
  }
  all.insert(all.begin(), s);
  return all;
}

// Gives an aggregate the ability that it counts for, and the row below which it is shown.
AggregateMetric placed(AggregateMetric m, const std::string& ability, const ScenarioSpec& of) {
  m.ability = ability;
  if (!m.own_row && m.parent_row.empty())
    m.parent_row = of.parent_row.empty() ? of.name : of.parent_row;
  return m;
}

std::vector<AbilityDefinition> assembled() {
  std::vector<AbilityDefinition> all;
  for (const auto make : kAbilities) all.push_back(make());
  for (AbilityDefinition& a : all)
    for (WorldScenario& s : a.scenarios) {
      s.spec.ability = a.id;
      for (AggregateMetric& m : s.spec.aggregates) m = placed(m, a.id, s.spec);
    }
  const auto scenario = [&](const std::string& name) -> ScenarioSpec& {
    for (AbilityDefinition& a : all)
      for (WorldScenario& s : a.scenarios)
        if (s.spec.name == name) return s.spec;
    throw std::logic_error("abilities: no scenario is called " + name);
  };
  for (const AbilityDefinition& a : all)
    for (const BorrowedMetric& b : a.borrowed) {
      ScenarioSpec& of = scenario(b.scenario);
      of.aggregates.push_back(placed(b.metric, a.id, of));
    }
  return all;
}

}  // namespace

std::span<const AbilityDefinition> abilities() {
  static const std::vector<AbilityDefinition> all = assembled();
  return all;
}

std::shared_ptr<const Scenario> world_scenario(std::shared_ptr<const World> world,
                                               const WorldScenario& s) {
  ScenarioSpec spec = s.spec;
  set_raw_form(spec.prompt, s.item(*world, kFirstDevProbe), s.continues_text);
  spec.prompt.sampling.stop.push_back("<ret>");  // a turn that calls the tool waits there for it
  return std::make_shared<SuiteScenario>(std::move(spec), std::move(world), s.item);
}

std::vector<std::shared_ptr<const Scenario>> ability_suite(
    const std::shared_ptr<const World>& world) {
  std::vector<std::shared_ptr<const Scenario>> suite;
  for (const AbilityDefinition& a : abilities())
    for (const WorldScenario& s : a.scenarios)
      for (const WorldScenario& c : with_conditions(s)) suite.push_back(world_scenario(world, c));
  return suite;
}

}  // namespace lineage
