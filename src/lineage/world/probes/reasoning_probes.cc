#include "lineage/world/instructions/statements.h"
#include "lineage/world/probes/instruction_probes.h"
#include "lineage/world/problems/chain.h"
#include "lineage/world/problems/gathering.h"
#include "lineage/world/problems/long_sum.h"

namespace lineage {
namespace {

constexpr int kExamples = 4;
uint64_t example_index(uint64_t index, int i) {
  return kFirstExampleProbe + index * kExamples + static_cast<uint64_t>(i);
}

// How a problem is put: with worked demonstrations, with demonstrations of answers, or as an
// instruction that asks for the one or the other.
enum class Put : uint8_t { chain, direct, asked_chain, asked_direct };

// Steps that the headline averages over, and those beyond tuning.
int steps_of(ProblemFamily family, uint64_t index, bool deep) {
  if (family == ProblemFamily::hop) return 2 + static_cast<int>(index % 2);
  if (deep) return 5 + static_cast<int>(index % 2);
  return 2 + static_cast<int>(index % 3);
}

ProbeItem problem_item(const World& world, ProblemFamily family, Put put, bool deep, int steps,
                       uint64_t index) {
  const std::string stream = "A12 " + std::string(problem_family_name(family));
  const Problem p = make_problem(world, {family, steps, 1}, stream, index);
  ProbeItem item;
  item.id = std::to_string(index);
  item.cell = "k" + std::to_string(steps);
  item.cluster = p.cluster;
  item.question = problem_text(p);
  item.answers = {p.answer};
  if (put == Put::chain || put == Put::asked_chain) item.chain = chain_text(p);
  if (put == Put::asked_chain || put == Put::asked_direct) {
    const Task task = problem_task(p, put == Put::asked_chain, 0);
    item.question = joined({task.request, words_to_tokens(":"), task.payload});
  }
  item.check = [p](std::span<const Token> response) {
    return parse_chain(p, response).answer_correct ? 1 : 0;
  };
  if (put == Put::chain || put == Put::direct)
    for (int i = 0; i < kExamples; ++i) {
      const uint64_t at = example_index(index, i);
      const Problem e =
          make_problem(world, {family, deep ? 2 : steps_of(family, at, false), 1}, stream, at);
      item.examples.push_back(
          {problem_text(e), put == Put::chain ? chain_text(e) : Tokens{}, e.answer});
    }
  return item;
}

ProbeSet problem_set(ProblemFamily family, Put put, bool deep) {
  constexpr std::array<std::string_view, 4> kPut = {"chain", "direct", "asked_chain",
                                                    "asked_direct"};
  ProbeSet s;
  s.ability = "A12";
  s.name = "A12." + std::string(problem_family_name(family)) + "." +
           std::string(kPut[static_cast<size_t>(put)]) + (deep ? ".deep" : "");
  s.title = std::string(problem_family_name(family)) + " problems, " +
            (put == Put::chain || put == Put::asked_chain ? "chain of thought" : "direct") +
            (deep ? ", more steps than in tuning" : "");
  s.chain = put == Put::chain || put == Put::asked_chain;
  s.headline = !deep && put == Put::asked_chain;
  s.n = 400;
  s.max_tokens = s.chain ? 128 : 8;
  s.item = [=](const World& world, uint64_t index) {
    return problem_item(world, family, put, deep, steps_of(family, index, deep), index);
  };
  return s;
}

// One step, where chain and direct answers should be equal.
ProbeSet one_step(Put put) {
  ProbeSet s = problem_set(ProblemFamily::quantity, put, false);
  s.name += ".one";
  s.title += ", one step";
  s.headline = false;
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
  for (int i = 0; i < 2; ++i) {
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
  for (int i = 0; i < 2; ++i) {
    const LongSum e = at(example_index(index, i));
    item.examples.push_back(
        {TokenText(how).add(sum_question(e)).take(), {}, tool ? tool_answer(e) : sum_answer(e)});
  }
  return item;
}

ProbeSet other(std::string name, std::string title, int64_t n, int64_t max_tokens,
               std::function<ProbeItem(const World&, uint64_t)> item) {
  ProbeSet s;
  s.ability = name.substr(0, 3);
  s.name = std::move(name);
  s.title = std::move(title);
  s.n = n;
  s.max_tokens = max_tokens;
  s.item = std::move(item);
  return s;
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
    sets.push_back(other(
        formal ? "A23.formal" : "A23.recipe",
        formal ? "every step must be exact" : "any order and source will do", 300, 64,
        [formal](const World& world, uint64_t index) { return gathering(world, formal, index); }));
  for (bool tool : {false, true})
    sets.push_back(
        other(tool ? "A23.sum.tool" : "A23.sum.direct",
              tool ? "long sums with the tool" : "long sums without the tool", 300, 40,
              [tool](const World& world, uint64_t index) { return long_sum(world, tool, index); }));
  return sets;
}

}  // namespace lineage
