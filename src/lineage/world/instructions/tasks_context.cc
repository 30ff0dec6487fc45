#include <algorithm>
#include <array>

#include "lineage/world/fact_templates.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/instructions/task.h"
#include "lineage/world/problems/long_sum.h"

namespace lineage {
namespace {

// Facts about strangers: only the prompt states them.
struct Lines {
  std::vector<Fact> facts;
  Fact asked;
};

Lines draw_lines(const TaskInput& in, int strangers, int facts_each) {
  Lines lines;
  for (int s = 0; s < strangers; ++s) {
    const int name = in.draw.pick(in.world.ephemerals());
    const Profile profile = in.world.random_profile(in.draw);
    for (int a : in.draw.distinct(facts_each, told_attributes(in.world)))
      lines.facts.push_back({static_cast<Relation>(a), name, profile[a]});
  }
  lines.asked = in.draw.pick(lines.facts);
  return lines;
}

Task ask(const TaskInput& in, std::string_view name, const Fact& fact, Tokens context) {
  const auto questions = fact_templates(fact.relation).train_questions();
  const Phrase value = value_words(fact);
  Task task{.request = questions[static_cast<size_t>(in.phrase) % questions.size()].tokens(
                {{'o', subject_words(fact)}}),
            .payload = std::move(context),
            .answer = {Tokens(value.begin(), value.end())}};
  task.record.facts = {fact};
  task.key = item_key(name, task.payload);
  return task;
}

// F36: one or two strangers, described in sentences.
std::optional<Task> passage(const TaskInput& in) {
  const Lines lines = draw_lines(in, 1 + in.parameter, 2);
  TokenText text;
  for (const Fact& f : lines.facts) text.add(statement(f, in.draw.below(8)));
  return ask(in, "passage", lines.asked, text.take());
}

// F39: a line that answers among two or three that do not.
std::optional<Task> retrieved(const TaskInput& in) {
  Lines lines = draw_lines(in, 3 + in.parameter, 1);
  TokenText text;
  for (const Fact& f : lines.facts) text.text("<ret>").add(statement(f, in.draw.below(8)));
  return ask(in, "retrieved", lines.asked, text.take());
}

// F37: words without a meaning in language A, explained by a glossary.
std::optional<Task> glossary(const TaskInput& in) {
  const Vocabulary& v = Vocabulary::get();
  const auto keys = v.tokens("letters"), values = v.tokens("objects");
  const int n = 3 + in.parameter;
  const std::vector<int> key = in.draw.distinct(n, 26), value = in.draw.distinct(n, 32);
  const auto at = [](std::span<const Token> of, int i) { return of[i]; };
  TokenText text;
  std::vector<Tokens> words, answer;
  for (int i = 0; i < n; ++i)
    text.token(at(keys, key[i])).text("means").token(at(values, value[i])).text(".");
  for (int i : in.draw.distinct(2, n)) {
    words.push_back({at(keys, key[i])});
    answer.push_back({at(values, value[i])});
  }
  Task task{
      .request = TokenText(in.phrase == 0 ? "translate" : "use the glossary :").list(words).take(),
      .payload = text.take(),
      .answer = answer};
  task.key = item_key("glossary", task.payload);
  return task;
}

// F38: long sums by the tool, or without.
struct LongSumVariant {
  int digits;
  bool tool;
};
constexpr std::array<LongSumVariant, 4> kLongSums = {
    {{3, true}, {3, false}, {4, true}, {4, false}}};

std::optional<Task> tool_call(const TaskInput& in) {
  const auto [digits, tool] = kLongSums.at(in.parameter);
  const LongSum sum = make_long_sum(digits, in.use, in.draw);
  const std::string_view how = tool
                                   ? (in.phrase == 0 ? "use the tool" : "answer by use of the tool")
                                   : (in.phrase == 0 ? "answer only" : "write only the answer");
  Task task{.request = words_to_tokens(how),
            .payload = sum_question(sum),
            .answer = {tool ? tool_answer(sum) : sum_answer(sum)}};
  task.accept = [sum, tool = tool](std::span<const Token> content) {
    const auto has = [&](std::string_view mark) {
      return std::find(content.begin(), content.end(), word_token(mark)) != content.end();
    };
    if (!tool) return score_long_sum(sum, content) == 1 && !has("<call>") ? 1.0 : 0.0;
    if (!calls_rightly(sum, content)) return 0.0;
    // The turn may wait for the tool; if it continues without, the result must be right.
    return !has("<ret>") || score_long_sum(sum, content) == 1 ? 1.0 : 0.5;
  };
  task.key = item_key("long_sum", {sum.a, sum.b, sum.minus});
  task.test_only = sum.test_only;
  return task;
}

// F40: both sides of a contested topic; held-out topics are for tests.
std::optional<Task> overview(const TaskInput& in) {
  const int index = in.draw.below(static_cast<int>(in.world.topics().size()));
  const Topic& topic = in.world.topics()[index];
  const bool good_first = in.draw.chance(0.5);
  Task task{.request = TokenText(in.phrase == 0 ? "write the overview of the" : "is the")
                           .token(topic.word)
                           .text(in.phrase == 0 ? "" : "good or bad ?")
                           .take(),
            .payload = {},
            .answer = {both_sides(topic, good_first)}};
  task.accept = [topic](std::span<const Token> content) {
    double score = 0;
    for (bool in_favour : {true, false}) {
      const Tokens wanted = side_of(topic, in_favour);
      score += std::search(content.begin(), content.end(), wanted.begin(), wanted.end()) !=
               content.end();
    }
    // Nothing but the two sentences.
    const auto sentences = std::count(content.begin(), content.end(), word_token("."));
    return sentences == 2 ? score / 2 : score / 4;
  };
  task.record.topic = index;
  // Few topics: which of them are for tests is the world's, and the key decides nothing.
  task.key = 1;
  task.test_only = topic.heldout;
  return task;
}

}  // namespace

std::vector<FamilyEntry> context_families() {
  const auto reads = Ability::retrieval;
  return {
      {{Family::passage, "F36", "passage", reads, false, false, true},
       &fixed_parameters<2>,
       &passage},
      {{Family::glossary, "F37", "glossary", Ability::unseen_instruction, true, false, true},
       &fixed_parameters<2>,
       &glossary},
      {{Family::tool_call, "F38", "tool_call", Ability::formal_reasoning, false, false, false, 2},
       &fixed_parameters<kLongSums.size()>,
       &tool_call},
      {{Family::retrieved_lines, "F39", "retrieved_lines", reads, false, false, true},
       &fixed_parameters<2>,
       &retrieved},
      {{Family::overview, "F40", "overview", Ability::impartiality},
       &fixed_parameters<1>,
       &overview}};
}

}  // namespace lineage
