#include <algorithm>
#include <array>

#include "lineage/world/instructions/statements.h"
#include "lineage/world/instructions/task.h"
#include "lineage/world/problems/gathering.h"

namespace lineage {
namespace {

// F27: plus, minus, the greater of two, the lesser.
std::optional<Task> sum(const TaskInput& in) {
  const int a = in.draw.between(0, 20), b = in.draw.between(0, 20);
  if ((in.parameter == 0 && a + b > 99) || (in.parameter == 1 && a < b)) return std::nullopt;
  if (in.parameter >= 2 && a == b) return std::nullopt;
  const std::array<int, 4> value = {a + b, a - b, std::max(a, b), std::min(a, b)};
  TokenText ask("what is");
  if (in.parameter < 2)
    ask.number(a)
        .text(in.phrase == 0 ? (in.parameter == 0 ? "+" : "-")
                             : (in.parameter == 0 ? "plus" : "minus"))
        .number(b);
  else
    ask.text(in.parameter == 2 ? (in.phrase == 0 ? "greater" : "more")
                               : (in.phrase == 0 ? "less" : "fewer"))
        .text(":")
        .number(a)
        .text("or")
        .number(b);
  Task task{.request = ask.text("?").take(),
            .payload = {},
            .answer = {TokenText().number(value[in.parameter]).take()}};
  // Which is greater and which is less are one question about two numbers, in either order.
  task.key = in.parameter < 2 ? item_key("sum", {in.parameter, a, b})
                              : item_key("comparison", {std::min(a, b), std::max(a, b)});
  return task;
}

Task gathering_task(const TaskInput& in, int steps, bool formal) {
  const Gathering g = make_gathering(steps, in.use, in.draw);
  TokenText answer;
  for (const Tokens& step : formal ? formal_steps(g) : recipe_steps(g)) answer.add(step);
  if (formal) answer.text("answer").add(formal_answer(g));
  Task task{.request = formal ? formal_question() : recipe_question(),
            .payload = gathering_text(g),
            .answer = {answer.take()}};
  task.accept = [g, formal](std::span<const Token> content) {
    return formal ? score_formal(g, content) : score_recipe(g, content);
  };
  task.key = g.key;
  task.test_only = g.test_only;
  return task;
}

// F28: quantities, and gatherings as a recipe or as a formal sum.
std::optional<Task> word_problem(const TaskInput& in) {
  const ProblemVariant& v = problem_variants(Family::word_problem).at(in.parameter);
  if (v.gathering) return gathering_task(in, v.steps, v.chain);
  const ProblemSpec spec{ProblemFamily::quantity, v.steps, v.level};
  return problem_task(make_problem(in.world, spec, in.use, in.draw), v.chain, in.phrase);
}

std::optional<Task> box_state(const TaskInput& in) {
  const ProblemVariant& v = problem_variants(Family::box_state).at(in.parameter);
  const ProblemSpec spec{ProblemFamily::state, v.steps, v.level};
  return problem_task(make_problem(in.world, spec, in.use, in.draw), v.chain, in.phrase);
}

template <Family family>
int all_variants(const World&) {
  return static_cast<int>(problem_variants(family).size());
}

// F30: "every baker is happy . ann is a baker . is ann happy ?"
std::optional<Task> syllogism(const TaskInput& in) {
  const Vocabulary& v = Vocabulary::get();
  const auto jobs = v.tokens("jobs"), names = v.tokens("first_names"),
             adjectives = v.tokens("adjectives");
  const std::vector<int> j = in.draw.distinct(2, static_cast<int>(jobs.size()));
  const Token quality = adjectives[in.draw.below(8)], who = in.draw.pick(names);
  const auto job = [&](int i) { return jobs[j[i]]; };
  const bool negative = in.parameter == 1;  // "no baker is happy"
  TokenText text(negative ? "no" : in.phrase == 0 ? "every" : "each");
  text.token(job(0)).text("is").token(quality).text(".");
  text.token(who).text("is a").token(job(0)).text(".");
  Task task{.request = TokenText("is").token(who).token(quality).text("?").take(),
            .payload = text.take(),
            .answer = {words_to_tokens(negative ? "no" : "yes")}};
  task.key = item_key("syllogism", {job(0), quality, who, in.parameter});
  return task;
}

// F31: persons by their years.
std::optional<Task> by_date(const TaskInput& in) {
  const int n = 3 + in.parameter;
  const auto names = Vocabulary::get().tokens("first_names");
  const std::vector<int> who = in.draw.distinct(n, 64), year = in.draw.distinct(n, 80);
  std::vector<std::pair<int, Token>> entries;
  std::vector<Tokens> shown, sorted;
  for (int i = 0; i < n; ++i) {
    const Token name = names[who[i]];
    entries.emplace_back(year[i], name);
    shown.push_back(TokenText().token(name).number(entries.back().first).take());
  }
  std::sort(entries.begin(), entries.end());
  for (const auto& [y, name] : entries) sorted.push_back({name});
  Task task{.request = words_to_tokens(in.phrase == 0 ? "order by year" : "sort by year"),
            .payload = TokenText().list(shown).take(),
            .answer = sorted};
  task.key = item_key("by_date", task.payload);
  return task;
}

}  // namespace

std::vector<FamilyEntry> reasoning_families() {
  return {
      {{Family::sum, "F27", "sum", Ability::formal_reasoning, false, false, true},
       &fixed_parameters<4>,
       &sum},
      {{Family::word_problem, "F28", "word_problem", Ability::chain_of_thought, false, false, false,
        8},
       &all_variants<Family::word_problem>,
       &word_problem},
      {{Family::box_state, "F29", "box_state", Ability::entity_tracking, false, false, false, 3},
       &all_variants<Family::box_state>,
       &box_state},
      {{Family::syllogism, "F30", "syllogism", Ability::unseen_instruction, true, false, true},
       &fixed_parameters<2>,
       &syllogism},
      {{Family::by_date, "F31", "by_date", Ability::instruction, false, false, true},
       &fixed_parameters<2>,
       &by_date}};
}

}  // namespace lineage
