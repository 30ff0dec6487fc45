#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lineage/abilities/function_problem.h"
#include "lineage/abilities/testing.h"
#include "lineage/world/minipy/corpus/code_corpus.h"

namespace lineage {
namespace {

using testing::scenario_called, testing::scenarios_of, testing::TestScenario, testing::TokenItem;

const World& world() {
  static const World w{WorldConfig{}};
  return w;
}

std::vector<Token> words(std::string_view text) {
  return Vocabulary::get().tokenizer()->encode(text);
}

TEST(CodeAbilities, ReferenceBodiesPassTheirHiddenAsserts) {
  const TestScenario set = scenario_called("A10.functions");
  for (uint64_t i = 0; i < 300; ++i) {
    const TokenItem item = set.item(world(), kFirstProbe + i);
    EXPECT_EQ(item.grade(item.answers.front()), 1.0);
    EXPECT_EQ(item.annotate(item.answers.front()), (std::vector{1.0, 1.0}));
    EXPECT_EQ(item.annotate(words("return x + \n")), (std::vector{0.0, 0.0}));
    EXPECT_EQ(item.examples.size(), 2u);
    EXPECT_LE(static_cast<int64_t>(item.answers.front().size()), set.max_tokens);
    EXPECT_EQ(item.question, set.item(world(), kFirstProbe + i).question);
  }
}

TEST(CodeAbilities, WrittenFunctionsAreScored) {
  FunctionProblem p;
  p.spec.steps = {{Spec::Op::plus, 3}};
  p.head = words("<src:code> def f ( x ) : \n <indent> \" return x plus 3 \" \n");
  for (int64_t x : {0, 1, 5}) p.cases.push_back({{false, x, {}}, {false, x + 3, {}}});
  const auto score = [&](std::string_view text) { return p.check(words(text)); };
  EXPECT_TRUE(score("return x + 3 \n <dedent>").all());
  EXPECT_TRUE(score("return x + 3").all());                                     // still open
  EXPECT_TRUE(score("return 3 + x \n <dedent> assert f ( 2 ) == 9 \n").all());  // text after it
  EXPECT_TRUE(score("if x : \n <indent> return x + 3 \n <dedent> return 3 \n <dedent>").all());
  const FunctionScore some = score("return 8 \n <dedent>");
  EXPECT_TRUE(some.parses);
  EXPECT_EQ(some.passed, 1);
  EXPECT_EQ(some.total, 3);
  EXPECT_FALSE(score("return x + \n").parses);
  EXPECT_FALSE(score("<user> hello").parses);
  EXPECT_TRUE(score("while True : \n <indent> pass \n <dedent> <dedent>").parses);
  EXPECT_EQ(score("while True : \n <indent> pass \n <dedent> <dedent>").passed, 0);
}

TEST(CodeAbilities, ProblemsAreOfTheHeldOutSideExamplesAreNot) {
  CodeContext train, test;
  test.test = true;
  std::set<std::string> heads;
  for (uint64_t i = 0; i < 200; ++i) {
    Draw a(Rng(1).fold(i)), b(Rng(1).fold(i));
    EXPECT_NE(draw_function_problem(train, a).spec.key() % 10, 0u);
    EXPECT_EQ(draw_function_problem(test, b).spec.key() % 10, 0u);
  }
}

TEST(CodeAbilities, OutputsAreWhatTheProgramsPrint) {
  const TestScenario set = scenario_called("A11.output");
  std::map<std::string, int> cells;
  for (uint64_t i = 0; i < 150; ++i) {
    const TokenItem item = set.item(world(), kFirstProbe + i);
    ++cells[item.cell];
    std::vector<Token> program(item.question.begin() + 1, item.question.end()), printed;
    const minipy::RunResult r = minipy::run_words(program);
    ASSERT_EQ(r.outcome, minipy::Outcome::ok);
    minipy::write_text(r.printed.back().text, printed);
    EXPECT_EQ(item.answers.front(), printed);
  }
  EXPECT_EQ(cells.size(), 3u);
}

TEST(CodeAbilities, ChoicesDifferAndTheRightOneIsAnywhere) {
  for (const char* name : {"A11.body", "A13.definition", "A13.definition.near", "A13.bracket"})
    for (const TestScenario& set : {scenario_called(name)}) {
      std::map<int, int> correct;
      for (uint64_t i = 0; i < 120; ++i) {
        const TokenItem item = set.item(world(), kFirstProbe + i);
        ++correct[item.correct];
        std::set<std::vector<Token>> different(item.answers.begin(), item.answers.end());
        EXPECT_EQ(different.size(), item.answers.size()) << set.name;
      }
      for (const auto& [choice, n] : correct) EXPECT_LT(n, 60) << set.name << choice;
    }
}

TEST(CodeAbilities, DistancesAreWhatTheCellsSay) {
  for (uint64_t i = 0; i < 60; ++i) {
    const TokenItem item = scenario_called(i % 2 ? "A13.definition.near" : "A13.definition")
                               .item(world(), kFirstProbe + i);
    const int distance = std::stoi(item.cell.substr(9));
    const Token name = item.question[item.question.size() - 2];
    const auto defined = std::find(item.question.begin(), item.question.end(), name);
    const auto between = static_cast<int>(item.question.end() - 2 - defined);
    EXPECT_GE(between, distance - 2);
    EXPECT_LE(between, std::max(distance, 20) + 8);
    EXPECT_LE(item.question.size(), 250u);
  }
}

}  // namespace
}  // namespace lineage
