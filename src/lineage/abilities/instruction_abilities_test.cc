#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lineage/abilities/testing.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

using testing::scenario_called, testing::scenarios_of, testing::TestScenario, testing::TokenItem;

const World& world() {
  static const World w(WorldConfig{});
  return w;
}

std::vector<TestScenario> every_set() {
  return scenarios_of({"A07", "A08", "A09", "A12", "A17", "A18", "A21", "A23"});
}

TEST(InstructionAbilities, ItemsArePureAndWhole) {
  std::set<std::string> names;
  for (const TestScenario& set : every_set()) {
    EXPECT_TRUE(names.insert(set.name).second) << set.name;
    EXPECT_EQ(set.name.substr(0, set.ability.size()), set.ability);
    for (uint64_t i = kFirstProbe; i < kFirstProbe + 24; ++i) {
      const TokenItem item = set.item(world(), i), again = set.item(world(), i);
      const std::string text = set.name + ": " + tokens_to_words(item.question);
      EXPECT_EQ(item.question, again.question) << text;
      EXPECT_EQ(item.answers, again.answers) << text;
      EXPECT_FALSE(item.question.empty()) << text;
      ASSERT_FALSE(item.answers.empty()) << text;
      EXPECT_FALSE(item.answers[item.correct].empty()) << text;
      EXPECT_EQ(item.chain.empty(), !set.chain) << text;
      for (const testing::TokenExample& e : item.examples)
        EXPECT_NE(e.question, item.question) << text;
      const size_t longest = set.chain ? item.chain.size() + 2 : item.answers[0].size() + 1;
      if (set.ability != "A18") {
        EXPECT_LE(longest, static_cast<size_t>(set.max_tokens)) << text;
      }
    }
  }
}

TEST(InstructionAbilities, ChecksAcceptTheReferenceAndRefuseNonsense) {
  const Tokens nonsense = words_to_tokens("winter winter");
  for (const TestScenario& set : every_set()) {
    if (set.ability == "A18") continue;  // its reference is the partial answer
    for (uint64_t i = kFirstProbe; i < kFirstProbe + 24; ++i) {
      const TokenItem item = set.item(world(), i);
      if (!item.grade) continue;
      const Tokens gold = item.chain.empty()
                              ? item.answers[0]
                              : joined({item.chain, words_to_tokens("answer"), item.answers[0]});
      EXPECT_EQ(item.grade(gold), 1)
          << set.name << ": " << tokens_to_words(item.question) << " -> " << tokens_to_words(gold);
      EXPECT_EQ(item.grade(nonsense), 0) << set.name;
      EXPECT_EQ(item.grade({}), 0) << set.name;
    }
  }
}

TEST(InstructionAbilities, ContestedNeedsBothSides) {
  const TokenItem item = scenario_called("A18.contested").item(world(), kFirstProbe);
  EXPECT_EQ(item.grade(words_to_tokens("the reds say that the mill is good .")), 0);
  EXPECT_EQ(item.grade(words_to_tokens("the reds say it is good . the blues say it is bad .")), 1);
}

TEST(InstructionAbilities, CellsOfSteps) {
  std::set<std::string> cells;
  for (const TestScenario& set : scenarios_of({"A12", "A23"}))
    if (set.name == "A12.quantity.chain")
      for (uint64_t i = kFirstProbe; i < kFirstProbe + 40; ++i)
        cells.insert(set.item(world(), i).cell);
  EXPECT_EQ(cells, (std::set<std::string>{"k2", "k3", "k4"}));
}

// The prompts for tuned models have a form that tuning has, for each number of steps; chain and
// direct use the same new problem.
TEST(InstructionAbilities, ProblemsAreAskedAsInTuning) {
  const Instructions all(world());
  const std::map<std::string, Family> families = {
      {"quantity", Family::word_problem}, {"hop", Family::hops}, {"state", Family::box_state}};
  const Token colon = word_token(":"), semicolon = word_token(";");
  const auto frame = [&](const Tokens& prompt) {  // the words around the problem
    const auto end = std::find(prompt.begin(), prompt.end(), semicolon);
    if (end != prompt.end()) return Tokens(end, prompt.end());
    return Tokens(prompt.begin(), std::find(prompt.begin(), prompt.end(), colon) + 1);
  };
  for (const TestScenario& set : scenarios_of({"A12", "A23"})) {
    const bool chain = set.name.ends_with(".asked_chain");
    if (!chain && !set.name.ends_with(".asked_direct")) continue;
    const std::string family = set.name.substr(4, set.name.rfind('.') - 4);
    std::map<std::string, std::set<Tokens>> trained;  // by cell
    for (int steps = 2; steps <= 4; ++steps) {
      if (family == "hop" && steps == 4) continue;
      const Family of = families.at(family);
      const InstructionType type{
          .family = of, .parameter = problem_parameter(of, {.steps = steps, .chain = chain})};
      EXPECT_NE(std::find(all.train_types().begin(), all.train_types().end(), type),
                all.train_types().end())
          << type_name(type);
      for (uint64_t i = 0; i < 120; ++i)
        trained["k" + std::to_string(steps)].insert(frame(all.demonstration(type, "x", i).prompt));
    }
    for (uint64_t i = kFirstProbe; i < kFirstProbe + 60; ++i) {
      const TokenItem item = set.item(world(), i);
      EXPECT_TRUE(trained[item.cell].contains(frame(item.question)))
          << set.name << ": " << tokens_to_words(item.question);
      EXPECT_TRUE(item.examples.empty());
    }
  }
}

TEST(InstructionAbilities, ChainsAreCountedStepByStep) {
  for (const TestScenario& set : scenarios_of({"A12", "A23"})) {
    if (set.name != "A12.quantity.asked_chain") continue;
    const TokenItem item = set.item(world(), kFirstProbe);
    const auto of = [&](const Tokens& chain, std::string_view end) {
      return item.annotate(joined({chain, words_to_tokens(end)}));
    };
    const double steps = static_cast<double>(split_tokens(item.chain, word_token(".")).size());
    EXPECT_EQ(of(item.chain, "answer 0"), (std::vector{1.0, 1.0, 1.0, steps, 0.0}));
    Tokens first = item.chain;  // without its last step
    first.resize(item.chain.size() - split_tokens(item.chain, word_token(".")).back().size() - 1);
    const auto some = of(first, "answer 0");
    EXPECT_NEAR(some[0], (steps - 1) / steps, 1e-12);
    EXPECT_NEAR(some[1], (steps - 1) / steps, 1e-12);
    EXPECT_EQ(some[3], steps - 1);
    EXPECT_EQ(some[4], 1);
    const auto false_sum = of(words_to_tokens("ann has 3 + 4 = 8 ."), "answer 8");
    EXPECT_EQ(false_sum[0], 0);
    EXPECT_EQ(false_sum[2], 0);
    EXPECT_TRUE(std::isnan(item.annotate(words_to_tokens("9"))[2]));
  }
}

// A sum ends with its first wrong step; in a recipe each step counts by itself.
TEST(InstructionAbilities, StepsOfGatheringsAreCounted) {
  for (const TestScenario& set : scenarios_of({"A12", "A23"})) {
    const bool formal = set.name == "A23.formal";
    if (!formal && set.name != "A23.recipe") continue;
    for (uint64_t i = kFirstProbe; i < kFirstProbe + 12; ++i) {
      const TokenItem item = set.item(world(), i);
      const double steps = std::stod(item.cell.substr(1));
      EXPECT_EQ(item.annotate(item.answers[0]), (std::vector{steps, 0.0}));
      Tokens slipped = item.answers[0];  // in its first step
      slipped[1] = word_token("99");
      EXPECT_EQ(item.annotate(slipped),
                formal ? (std::vector{0.0, 1.0}) : (std::vector{steps - 1, 1.0}));
      EXPECT_EQ(item.annotate({}), (std::vector{0.0, formal ? 1.0 : steps}));
    }
  }
}

// An output has as many numbers, whatever is written.
TEST(InstructionAbilities, AnnotationsAreAsManyForAnyOutput) {
  for (const TestScenario& set : every_set()) {
    const TokenItem item = set.item(world(), kFirstProbe);
    if (!item.annotate) continue;
    const size_t numbers = item.annotate(item.answers[0]).size();
    for (const char* text : {"", "winter winter", "answer 3 ."})
      EXPECT_EQ(item.annotate(words_to_tokens(text)).size(), numbers) << set.name;
  }
}

TEST(InstructionAbilities, OneSentencePagesAreCountedByClaims) {
  const TokenItem item = scenario_called("A17.pages").item(world(), kFirstProbe);
  const auto all = item.annotate(item.answers[0]);
  EXPECT_GE(all[0], 5);
  EXPECT_EQ(all[1], 1);
  EXPECT_EQ(item.annotate(words_to_tokens("winter ."))[0], 0);
  EXPECT_TRUE(std::isnan(item.annotate(words_to_tokens("winter ."))[1]));
}

TEST(InstructionAbilities, RandomOperationsAreABaseline) {
  const TestScenario compositions = scenario_called("A09.compositions");
  double sum = 0;
  for (uint64_t i = 0; i < 40; ++i) sum += compositions.item(world(), kFirstProbe + i).baseline;
  EXPECT_GT(sum / 40, 0);
  EXPECT_LT(sum / 40, 0.2);
}

}  // namespace
}  // namespace lineage
