#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "lineage/abilities/ids.h"
#include "lineage/abilities/items.h"
#include "lineage/base/enum_index.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/problems/chain.h"

namespace lineage {
namespace {

// The annotations of an item.
enum ChainNumber : size_t { kSteps, kPrefix, kSums, kRight, kWrong };

constexpr int kShots = 2;  // worked demonstrations: as many as a context of 256 tokens holds

// The form of a problem: with worked demonstrations, with demonstrations of answers, or as an
// instruction for one or the other.
enum class Put : uint8_t { chain, direct, asked_chain, asked_direct };

// Steps that the headline averages over, and those beyond tuning.
int steps_of(ProblemFamily family, uint64_t index, bool deep) {
  if (family == ProblemFamily::hop) return 2 + static_cast<int>(index % 2);
  if (deep) return 5 + static_cast<int>(index % 2);
  return 2 + static_cast<int>(index % 3);
}

bool chained(Put put) { return put == Put::chain || put == Put::asked_chain; }
bool asked(Put put) { return put == Put::asked_chain || put == Put::asked_direct; }

// The problem in the words of the families F13, F28 and F29, in any paraphrase of the type that is
// in training; the problem is new.
Tokens as_instruction(const World& world, const Problem& p, bool chain, uint64_t index) {
  constexpr std::array kFamilies = {Family::word_problem, Family::hops, Family::box_state};
  const Family family = kFamilies[enum_index(p.spec.family)];
  const int steps = std::min(p.spec.steps, kTunedSteps);
  const InstructionType type{
      .family = family, .parameter = problem_parameter(family, {.steps = steps, .chain = chain})};
  Draw draw(item_rng(world, "A12 wording", index));
  const Wording wording = draw_wording(type, Paraphrases::trained, draw);
  return frame_prompt(problem_task(p, chain, wording.phrase), AnswerFormat::plain, wording);
}

Instance problem_item(const World& world, ProblemFamily family, Put put, bool deep, int steps,
                      uint64_t index) {
  const std::string stream = "A12 " + std::string(problem_family_name(family));
  const Problem p = make_problem(world, {family, steps, 1}, stream, index);
  Instance item;
  item.cell = "k" + std::to_string(steps);
  item.cluster = p.cluster;
  item.question = asked(put) ? as_instruction(world, p, chained(put), index) : problem_text(p);
  item.answers = {p.answer};
  if (chained(put)) item.chain = chain_text(p);
  item.grade = of_tokens([p](std::span<const Token> response) {
    return parse_chain(p, response).answer_correct ? 1 : 0;
  });
  if (chained(put))
    item.annotate = of_tokens([p](std::span<const Token> response) {
      const ChainReport r = parse_chain(p, response);
      const auto expected = static_cast<double>(r.correct.size());
      const double right = r.prefix, wrong = right < expected ? 1 : 0;
      return std::vector{r.step_accuracy(), right / expected,
                         r.sums > 0 ? static_cast<double>(r.true_sums) / r.sums
                                    : std::numeric_limits<double>::quiet_NaN(),
                         right, wrong};
    });
  if (!asked(put))
    for (int i = 0; i < kShots; ++i) {
      const uint64_t at = example_index(index, i);
      const Problem e =
          make_problem(world, {family, deep ? 2 : steps_of(family, at, false), 1}, stream, at);
      item.examples.push_back({problem_text(e), chained(put) ? chain_text(e) : Tokens{}, e.answer});
    }
  return item;
}

// The tokens of an answer with its chain, for the largest number of steps.
int64_t most_tokens(ProblemFamily family, bool chain, bool deep) {
  if (!chain) return 6;
  if (family == ProblemFamily::hop) return 36;
  if (family == ProblemFamily::state) return deep ? 104 : 72;  // a swap takes two sentences
  return deep ? 64 : 44;
}

Explanation about_problems(ProblemFamily family) {
  constexpr std::array<const char*, 3> kAsk = {
      "A problem asks how many things somebody has, which takes two to four sums.",
      "A question joins two or three facts, such as the employer of a person’s friend. The facts "
      "are not in the prompt: the model must know them.",
      "Things lie in boxes and are moved two to four times, and the problem asks where one of "
      "them is."};
  return {.measures = std::string(kAsk[enum_index(family)]) +
                      " The model is told to write down the steps first; the answer after them "
                      "counts.",
          .chance = kMostFrequentAnswer,
          .low =
              "At chance or below, the steps do not lead to the answer. A model that is not "
              "tuned is not used to such a request; rows below ask it with two worked "
              "examples (chain), and show how many of the steps are right.",
          .accepts = "Only the last answer counts, whatever steps lead to it.",
          .parts = "k2 to k4: how many steps the problem takes."};
}

constexpr int kVotes = 5;

struct Asked {
  ProblemFamily family;
  Put put;
  bool deep = false;      // more steps than tuning has
  bool one_step = false;  // where chain and direct answers should be equal
};

std::string name_of(const Asked& a) {
  constexpr std::array<std::string_view, 4> kPut = {"chain", "direct", "asked_chain",
                                                    "asked_direct"};
  return "A12." + std::string(problem_family_name(a.family)) + "." +
         std::string(kPut[enum_index(a.put)]) + (a.deep ? ".deep" : "") +
         (a.one_step ? ".one" : "");
}

std::string row_of(ProblemFamily family) {
  return name_of({.family = family, .put = Put::asked_chain});
}

// By the steps up to the first wrong one: later steps of a chain do not count.
std::vector<AggregateMetric> chain_metrics(const std::string& name) {
  return {
      aggregates::annotation(name + ".steps", "share of the chain's steps that are right", kSteps),
      aggregates::annotation(name + ".prefix",
                             "share of the chain's steps before the first wrong one", kPrefix),
      aggregates::annotation(name + ".sums", "share of the sums written that hold", kSums),
      aggregates::answer_given_chain(name + ".given_chain"),
      aggregates::error_rate(name + ".error_rate", "how often a step fails", kRight, kWrong)};
}

WorldScenario problem_scenario(const Asked& a) {
  const std::string name = name_of(a), row = row_of(a.family);
  const bool chain = chained(a.put);
  WorldScenario s = written_scenario(
      name,
      std::string(problem_family_name(a.family)) + " problems, " +
          (chain ? "chain of thought" : "direct") +
          (a.deep       ? ", more steps than in tuning"
           : a.one_step ? ", one step"
                        : ""),
      name == row || (!a.deep && !a.one_step && asked(a.put)) ? 400 : 100,
      most_tokens(a.family, chain, a.deep), [a](const World& world, uint64_t index) {
        const int steps = a.one_step ? 1 : steps_of(a.family, index, a.deep);
        return problem_item(world, a.family, a.put, a.deep, steps, index);
      });
  s.spec.prompt.shots = asked(a.put) ? 0 : kShots;
  if (chain) {
    ask_for_chain(s);
    s.spec.aggregates = chain_metrics(name);
  }
  if (name == row) {
    s.spec.about = about_problems(a.family);
    s.votes = kVotes;
  } else {
    s.spec.parent_row = row;
  }
  return s;
}

// Right answers with a chain of thought less direct ones, to the same problems.
DerivedScore chain_gain(ProblemFamily family) {
  const std::string chain = name_of({.family = family, .put = Put::asked_chain}),
                    direct = name_of({.family = family, .put = Put::asked_direct}),
                    of(problem_family_name(family));
  return {.name = "A12.gain." + of,
          .title = "the gain of a chain of thought, " + of + " problems",
          .metric = difference_metric(),
          .parent_row = chain,
          .compute = [=](const NodeAnswers& node) -> std::optional<DerivedScore::Value> {
            const ScenarioAnswers *with = node.own(chain), *without = node.own(direct);
            const auto gain = with && without ? mean_score(*with, without) : std::nullopt;
            if (!gain) return {};
            // If chains rarely reach an answer, their gain over direct answers is meaningless.
            constexpr double kReached = 0.95;
            return DerivedScore::Value{
                *gain, with->format >= kReached
                           ? ""
                           : fmt::format("not measurable here: of {} {:.2f} come to an answer, "
                                         "below {:.2f}",
                                         chain, with->format, kReached)};
          }};
}

}  // namespace

AbilityDefinition a12_reasoning() {
  AbilityDefinition a{.id = "A12", .tag = Ability::chain_of_thought};
  for (ProblemFamily family : kProblemFamilies) {
    for (Put put : {Put::chain, Put::direct, Put::asked_chain, Put::asked_direct}) {
      a.scenarios.push_back(problem_scenario({.family = family, .put = put}));
      if (family != ProblemFamily::hop)
        a.scenarios.push_back(problem_scenario({.family = family, .put = put, .deep = true}));
    }
    a.derived.push_back(chain_gain(family));
  }
  for (Put put : {Put::asked_chain, Put::asked_direct})
    a.scenarios.push_back(
        problem_scenario({.family = ProblemFamily::quantity, .put = put, .one_step = true}));
  return a;
}

}  // namespace lineage
