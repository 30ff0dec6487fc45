#include "lineage/abilities/items.h"
#include "lineage/world/problems/gathering.h"
#include "lineage/world/problems/long_sum.h"

namespace lineage {
namespace {

constexpr int kWorked = 2;  // demonstrations of an item
// The annotations of an item.
enum GatheringNumber : size_t { kRightFoods, kWrongFoods };

// The same premises read as a recipe or as a sum that must be exact throughout.
Instance gathering(const World& world, bool formal, uint64_t index) {
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
  Instance item;
  item.cell = "k" + std::to_string(g.wanted.size());
  item.question = text(g);
  item.answers = {answer(g)};
  item.grade = of_tokens([g, formal](std::span<const Token> response) {
    return (formal ? score_formal(g, response) : score_recipe(g, response)) >= 1 ? 1 : 0;
  });
  // Each step of a recipe is judged by itself, as right or missing.
  item.annotate = of_tokens([g, formal](std::span<const Token> response) {
    const auto steps = static_cast<double>(g.wanted.size());
    const double right = formal ? formal_prefix(g, response) : read_recipe(g, response).right;
    return std::vector{right, formal ? (right < steps ? 1.0 : 0.0) : steps - right};
  });
  for (int i = 0; i < kWorked; ++i) {
    const Gathering e = at(example_index(index, i));
    item.examples.push_back({text(e), {}, answer(e)});
  }
  return item;
}

Instance long_sum(const World& world, bool tool, uint64_t index) {
  const auto at = [&](uint64_t i) {
    return make_long_sum(world, 3 + static_cast<int>(i % 4), "A23 sum", i);
  };
  const std::string_view how = tool ? "use the tool :" : "answer only :";
  const LongSum sum = at(index);
  Instance item;
  item.cell = std::to_string(sum.digits) + " digits";
  item.question = TokenText(how).add(sum_question(sum)).take();
  item.answers = {tool ? tool_answer(sum) : sum_answer(sum)};
  item.grade = of_tokens([sum, tool](std::span<const Token> response) {
    return tool ? (calls_rightly(sum, response) ? 1.0 : 0.0) : score_long_sum(sum, response);
  });
  for (int i = 0; i < kWorked; ++i) {
    const LongSum e = at(example_index(index, i));
    item.examples.push_back(
        {TokenText(how).add(sum_question(e)).take(), {}, tool ? tool_answer(e) : sum_answer(e)});
  }
  return item;
}

constexpr const char* kNoGuess = "No answer is right for many items, so a guess scores next to 0.";

WorldScenario gathering_scenario(std::string name, std::string title, bool formal,
                                 Explanation about) {
  WorldScenario s = written_scenario(
      name, std::move(title), 200, 48,
      [formal](const World& world, uint64_t index) { return gathering(world, formal, index); });
  s.spec.about = std::move(about);
  s.conditions = {{kWorked, 100}};
  s.spec.aggregates = {aggregates::error_rate(name + ".error_rate", "how often a step fails",
                                              kRightFoods, kWrongFoods)};
  return s;
}

WorldScenario sum_scenario(std::string name, std::string title, bool tool, Explanation about) {
  WorldScenario s = written_scenario(
      std::move(name), std::move(title), 200, tool ? 40 : 10,
      [tool](const World& world, uint64_t index) { return long_sum(world, tool, index); });
  s.spec.about = std::move(about);
  s.conditions = {{kWorked, 100}};
  return s;
}

}  // namespace

AbilityDefinition a23_exactness() {
  return {
      .id = "A23",
      .tag = Ability::formal_reasoning,
      .scenarios = {
          gathering_scenario(
              "A23.recipe", "any order and source will do", false,
              {.measures = "Several persons have foods, and the request says which foods are "
                           "needed. The model writes from whom to take each, in any order.",
               .chance = kNoGuess,
               .low = "One food that is missing or wrong makes the answer wrong. The step error, "
                      "below, is per food.",
               .accepts = "Any order counts, and so does any person who has the food.",
               .parts = "k2 to k4: how many foods are needed."}),
          gathering_scenario(
              "A23.formal", "every step must be exact", true,
              {.measures = "Several persons have foods, and the request asks how many some of them "
                           "are together. The model adds one food after the other, and the answer "
                           "is right when the total is.",
               .chance = kNoGuess,
               .low = "One wrong step makes every later number wrong, so the score falls fast with "
                      "the number of steps. The step error, below, is per step.",
               .accepts = "Only the total counts, whatever steps lead to it.",
               .parts = "k2 to k4: how many foods are added."}),
          sum_scenario(
              "A23.sum.direct", "long sums without the tool", false,
              {.measures = "A sum or difference of two numbers of three to six digits is to be "
                           "written down at once.",
               .chance = "No answer is right for many sums, so a guess scores next to 0.",
               .low = "One wrong digit makes the answer wrong.",
               .accepts = "After a call of the tool the number behind <ans> counts.",
               .parts = "The parts are how many digits the numbers have."}),
          sum_scenario(
              "A23.sum.tool", "long sums with the tool", true,
              {.measures =
                   "The same sums as in the row without the tool are to be handed to a "
                   "calculator. The model writes the call, and the answer is right when the "
                   "call gives the right number.",
               .chance = "No call is right for many sums, so a guess scores next to 0.",
               .low = "A call with one wrong digit scores 0, and so does an answer without a call.",
               .accepts = "Every call that gives the right number counts. What is written after it "
                          "is not judged.",
               .parts = "The parts are how many digits the numbers have."})}};
}

}  // namespace lineage
