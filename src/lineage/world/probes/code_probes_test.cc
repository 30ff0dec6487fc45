#include "lineage/world/probes/code_probes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lineage/world/mpy/corpus/code_corpus.h"

namespace lineage {
namespace {

const World& world() {
  static const World w{WorldConfig{}};
  return w;
}

std::vector<Token> words(std::string_view text) {
  return Vocabulary::get().tokenizer()->encode(text);
}

TEST(CodeProbes, ReferenceBodiesPassTheirHiddenAsserts) {
  const ProbeSet set = code_generation_probes().front();
  for (uint64_t i = 0; i < 300; ++i) {
    const ProbeItem item = set.item(world(), kFirstProbe + i);
    EXPECT_EQ(item.check(item.answers.front()), 1.0);
    EXPECT_EQ(item.details(item.answers.front()), (std::vector{1.0, 1.0}));
    EXPECT_EQ(item.details(words("return x + \n")), (std::vector{0.0, 0.0}));
    EXPECT_EQ(item.examples.size(), 2u);
    EXPECT_LE(static_cast<int64_t>(item.answers.front().size()), set.max_tokens);
    EXPECT_EQ(item.question, set.item(world(), kFirstProbe + i).question);
  }
}

TEST(CodeProbes, WrittenFunctionsAreScored) {
  FunctionProblem p;
  p.spec.steps = {{Spec::Op::plus, 3}};
  p.head = words("<src:code> def f ( x ) : \n <indent> \" return x plus 3 \" \n");
  for (int64_t x : {0, 1, 5}) p.cases.push_back({{false, x, {}}, {false, x + 3, {}}});
  const auto score = [&](std::string_view text) { return p.check(words(text)); };
  EXPECT_TRUE(score("return x + 3 \n <dedent>").all());
  EXPECT_TRUE(score("return x + 3").all());                                     // still open
  EXPECT_TRUE(score("return 3 + x \n <dedent> assert f ( 2 ) == 9 \n").all());  // what follows
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

TEST(CodeProbes, ProblemsAreOfTheHeldOutSideExamplesAreNot) {
  CodeContext train, test;
  test.test = true;
  std::set<std::string> heads;
  for (uint64_t i = 0; i < 200; ++i) {
    Draw a(Rng(1).fold(i)), b(Rng(1).fold(i));
    EXPECT_NE(draw_function_problem(train, a).spec.key() % 10, 0u);
    EXPECT_EQ(draw_function_problem(test, b).spec.key() % 10, 0u);
  }
}

TEST(CodeProbes, OutputsAreWhatTheProgramsPrint) {
  const ProbeSet set = code_understanding_probes()[0];
  std::map<std::string, int> cells;
  for (uint64_t i = 0; i < 150; ++i) {
    const ProbeItem item = set.item(world(), kFirstProbe + i);
    ++cells[item.cell];
    std::vector<Token> program(item.question.begin() + 1, item.question.end()), printed;
    const mpy::RunResult r = mpy::run_words(program);
    ASSERT_EQ(r.outcome, mpy::Outcome::ok);
    mpy::write_text(r.printed.back().text, printed);
    EXPECT_EQ(item.answers.front(), printed);
  }
  EXPECT_EQ(cells.size(), 3u);
}

TEST(CodeProbes, ChoicesDifferAndTheRightOneIsAnywhere) {
  for (const auto& sets : {code_understanding_probes(), code_long_range_probes()})
    for (const ProbeSet& set : sets) {
      if (set.method != ProbeSet::Method::choose) continue;
      std::map<int, int> correct;
      for (uint64_t i = 0; i < 120; ++i) {
        const ProbeItem item = set.item(world(), kFirstProbe + i);
        ++correct[item.correct];
        std::set<std::vector<Token>> different(item.answers.begin(), item.answers.end());
        EXPECT_EQ(different.size(), item.answers.size()) << set.name;
      }
      for (const auto& [choice, n] : correct) EXPECT_LT(n, 60) << set.name << choice;
    }
}

TEST(CodeProbes, DistancesAreWhatTheCellsSay) {
  for (uint64_t i = 0; i < 60; ++i) {
    const ProbeItem item = code_long_range_probes()[i % 2].item(world(), kFirstProbe + i);
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
