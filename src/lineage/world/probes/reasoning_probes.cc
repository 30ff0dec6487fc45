#include <limits>

#include "lineage/world/instructions/registry.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/probes/choices.h"
#include "lineage/world/probes/instruction_probes.h"
#include "lineage/world/problems/chain.h"
#include "lineage/world/problems/gathering.h"
#include "lineage/world/problems/long_sum.h"

namespace lineage {
namespace {

constexpr int kShots = 2;  // worked demonstrations: as many as a context of 256 tokens holds

// How a problem is put: with worked demonstrations, with demonstrations of answers, or as an
// instruction that asks for the one or the other.
enum class Put : uint8_t { chain, direct, asked_chain, asked_direct };

// Steps that the headline averages over, and those beyond tuning.
int steps_of(ProblemFamily family, uint64_t index, bool deep) {
  if (family == ProblemFamily::hop) return 2 + static_cast<int>(index % 2);
  if (deep) return 5 + static_cast<int>(index % 2);
  return 2 + static_cast<int>(index % 3);
}

bool chained(Put put) { return put == Put::chain || put == Put::asked_chain; }
bool asked(Put put) { return put == Put::asked_chain || put == Put::asked_direct; }

// As the families F13, F28 and F29 ask for it in tuning, in any paraphrase of the type that
// training heard; the problem is new.
Tokens as_instruction(const World& world, const Problem& p, bool chain, uint64_t index) {
  constexpr std::array kFamilies = {Family::word_problem, Family::hops, Family::box_state};
  const Family family = kFamilies[static_cast<size_t>(p.spec.family)];
  const int steps = std::min(p.spec.steps, kTunedSteps);
  const InstructionType type{
      .family = family, .parameter = problem_parameter(family, {.steps = steps, .chain = chain})};
  Draw draw(item_rng(world, "A12 wording", index));
  const Wording wording = draw_wording(type, Paraphrases::trained, draw);
  return frame_prompt(problem_task(p, chain, wording.phrase), AnswerFormat::plain, wording);
}

ProbeItem problem_item(const World& world, ProblemFamily family, Put put, bool deep, int steps,
                       uint64_t index) {
  const std::string stream = "A12 " + std::string(problem_family_name(family));
  const Problem p = make_problem(world, {family, steps, 1}, stream, index);
  ProbeItem item;
  item.id = std::to_string(index);
  item.cell = "k" + std::to_string(steps);
  item.cluster = p.cluster;
  item.question = asked(put) ? as_instruction(world, p, chained(put), index) : problem_text(p);
  item.answers = {p.answer};
  if (chained(put)) item.chain = chain_text(p);
  item.check = [p](std::span<const Token> response) {
    return parse_chain(p, response).answer_correct ? 1 : 0;
  };
  if (chained(put))
    item.details = [p](std::span<const Token> response) {
      const ChainReport r = parse_chain(p, response);
      const auto expected = static_cast<double>(r.correct.size());
      const double right = r.prefix, wrong = right < expected ? 1 : 0;
      return std::vector{r.step_accuracy(), right / expected,
                         r.sums > 0 ? static_cast<double>(r.true_sums) / r.sums
                                    : std::numeric_limits<double>::quiet_NaN(),
                         right, wrong};
    };
  if (!asked(put))
    for (int i = 0; i < kShots; ++i) {
      const uint64_t at = example_index(index, i);
      const Problem e =
          make_problem(world, {family, deep ? 2 : steps_of(family, at, false), 1}, stream, at);
      item.examples.push_back({problem_text(e), chained(put) ? chain_text(e) : Tokens{}, e.answer});
    }
  return item;
}

// What error rates are made of. Of a chain what follows its first wrong step counts for nothing.
const ProbeDetail kRightSteps{"right", "steps before the first wrong one", false},
    kWrongSteps{"wrong", "whether there is a wrong one", false};

// The tokens of an answer with its chain, for the most steps that are asked for.
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
  return {.measures = std::string(kAsk[static_cast<size_t>(family)]) +
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

ProbeSet problem_set(ProblemFamily family, Put put, bool deep) {
  constexpr std::array<std::string_view, 4> kPut = {"chain", "direct", "asked_chain",
                                                    "asked_direct"};
  const std::string name(problem_family_name(family));
  ProbeSet s = written_set(
      "A12." + name + "." + std::string(kPut[static_cast<size_t>(put)]) + (deep ? ".deep" : ""),
      name + " problems, " + (chained(put) ? "chain of thought" : "direct") +
          (deep ? ", more steps than in tuning" : ""),
      deep || !asked(put) ? 100 : 400, most_tokens(family, chained(put), deep),
      [=](const World& world, uint64_t index) {
        return problem_item(world, family, put, deep, steps_of(family, index, deep), index);
      });
  s.chain = chained(put);
  s.headline = !deep && put == Put::asked_chain;
  if (s.headline) s.about = about_problems(family);
  s.shots = asked(put) ? 0 : kShots;
  if (s.chain)
    s.details = {{"steps", "share of the chain's steps that are right"},
                 {"prefix", "share of the chain's steps before the first wrong one"},
                 {"sums", "share of the sums written that hold"},
                 kRightSteps,
                 kWrongSteps};
  return s;
}

// One step, where chain and direct answers should be equal.
ProbeSet one_step(Put put) {
  ProbeSet s = problem_set(ProblemFamily::quantity, put, false);
  s.name += ".one";
  s.title += ", one step";
  s.about = {};
  s.headline = false;
  s.n = 100;
  s.item = [put](const World& world, uint64_t index) {
    return problem_item(world, ProblemFamily::quantity, put, false, 1, index);
  };
  return s;
}

// A23: the same premises read as a recipe or as a sum that must be exact throughout.
ProbeItem gathering(const World& world, bool formal, uint64_t index) {
  const auto at = [&](uint64_t i) {
    return make_gathering(world, 2 + static_cast<int>(i % 3), "A23", i);
  };
  const auto text = [&](const Gathering& g) {
    // As the instruction has it: the request before the premises.
    return joined(
        {formal ? formal_question() : recipe_question(), words_to_tokens(":"), gathering_text(g)});
  };
  const auto answer = [&](const Gathering& g) {
    TokenText out;
    for (const Tokens& step : formal ? formal_steps(g) : recipe_steps(g)) out.add(step);
    if (formal) out.text("answer").add(formal_answer(g));
    return out.take();
  };
  const Gathering g = at(index);
  ProbeItem item;
  item.id = std::to_string(index);
  item.cell = "k" + std::to_string(g.wanted.size());
  item.question = text(g);
  item.answers = {answer(g)};
  item.check = [g, formal](std::span<const Token> response) {
    return (formal ? score_formal(g, response) : score_recipe(g, response)) >= 1 ? 1 : 0;
  };
  // Of a recipe each step stands by itself, right or not there.
  item.details = [g, formal](std::span<const Token> response) {
    const auto steps = static_cast<double>(g.wanted.size());
    const double right = formal ? formal_prefix(g, response) : read_recipe(g, response).right;
    return std::vector{right, formal ? (right < steps ? 1.0 : 0.0) : steps - right};
  };
  for (int i = 0; i < kShots; ++i) {
    const Gathering e = at(example_index(index, i));
    item.examples.push_back({text(e), {}, answer(e)});
  }
  return item;
}

ProbeItem long_sum(const World& world, bool tool, uint64_t index) {
  const auto at = [&](uint64_t i) {
    return make_long_sum(world, 3 + static_cast<int>(i % 4), "A23 sum", i);
  };
  const std::string_view how = tool ? "use the tool :" : "answer only :";
  const LongSum sum = at(index);
  ProbeItem item;
  item.id = std::to_string(index);
  item.cell = std::to_string(sum.digits) + " digits";
  item.question = TokenText(how).add(sum_question(sum)).take();
  item.answers = {tool ? tool_answer(sum) : sum_answer(sum)};
  item.check = [sum, tool](std::span<const Token> response) {
    return tool ? (calls_rightly(sum, response) ? 1.0 : 0.0) : score_long_sum(sum, response);
  };
  for (int i = 0; i < kShots; ++i) {
    const LongSum e = at(example_index(index, i));
    item.examples.push_back(
        {TokenText(how).add(sum_question(e)).take(), {}, tool ? tool_answer(e) : sum_answer(e)});
  }
  return item;
}

}  // namespace

std::vector<ProbeSet> reasoning_probes() {
  std::vector<ProbeSet> sets;
  for (ProblemFamily family : kProblemFamilies)
    for (Put put : {Put::chain, Put::direct, Put::asked_chain, Put::asked_direct}) {
      sets.push_back(problem_set(family, put, false));
      if (family != ProblemFamily::hop) sets.push_back(problem_set(family, put, true));
    }
  for (Put put : {Put::asked_chain, Put::asked_direct}) sets.push_back(one_step(put));
  for (bool formal : {false, true})
    sets.push_back(written_set(
        formal ? "A23.formal" : "A23.recipe",
        formal ? "every step must be exact" : "any order and source will do", 200, 48,
        [formal](const World& world, uint64_t index) { return gathering(world, formal, index); }));
  for (size_t i = sets.size() - 2; i < sets.size(); ++i)
    sets[i].details = {kRightSteps, kWrongSteps};
  sets[sets.size() - 2].about = {
      .measures =
          "Several persons have foods, and the request says which foods are needed. The "
          "model writes from whom to take each, in any order.",
      .chance = "No answer is right for many items, so a guess scores next to 0.",
      .low =
          "One food that is missing or wrong makes the answer wrong. The step error, "
          "below, is per food.",
      .accepts = "Any order counts, and so does any person who has the food.",
      .parts = "k2 to k4: how many foods are needed."};
  sets[sets.size() - 1].about = {
      .measures =
          "Several persons have foods, and the request asks how many some of them are together. "
          "The model adds one food after the other, and the answer is right when the total is.",
      .chance = "No answer is right for many items, so a guess scores next to 0.",
      .low =
          "One wrong step makes every later number wrong, so the score falls fast with "
          "the number of steps. The step error, below, is per step.",
      .accepts = "Only the total counts, whatever steps lead to it.",
      .parts = "k2 to k4: how many foods are added."};
  for (bool tool : {false, true})
    sets.push_back(written_set(
        tool ? "A23.sum.tool" : "A23.sum.direct",
        tool ? "long sums with the tool" : "long sums without the tool", 200, tool ? 40 : 10,
        [tool](const World& world, uint64_t index) { return long_sum(world, tool, index); }));
  sets[sets.size() - 2].about = {
      .measures =
          "A sum or difference of two numbers of three to six digits is to be written "
          "down at once.",
      .chance = "No answer is right for many sums, so a guess scores next to 0.",
      .low = "One wrong digit makes the answer wrong.",
      .accepts = "After a call of the tool the number behind <ans> counts.",
      .parts = "The parts are how many digits the numbers have."};
  sets[sets.size() - 1].about = {
      .measures =
          "The same sums as in the row without the tool are to be handed to a "
          "calculator. The model writes the call, and the answer is right when the call "
          "gives the right number.",
      .chance = "No call is right for many sums, so a guess scores next to 0.",
      .low = "A call with one wrong digit scores 0, and so does an answer without a call.",
      .accepts =
          "Every call that gives the right number counts. What is written after it is "
          "not judged.",
      .parts = "The parts are how many digits the numbers have."};
  for (size_t i = sets.size() - 4; i < sets.size(); ++i) sets[i].conditions = {{kShots, 100}};
  return sets;
}

}  // namespace lineage
