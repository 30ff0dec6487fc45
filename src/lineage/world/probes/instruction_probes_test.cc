#include "lineage/world/probes/instruction_probes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lineage/world/instructions/registry.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

const World& world() {
  static const World w(WorldConfig{});
  return w;
}

std::vector<ProbeSet> every_set() { return tuned_probes(); }

TEST(Probes, ItemsArePureAndWhole) {
  std::set<std::string> names;
  for (const ProbeSet& set : every_set()) {
    EXPECT_TRUE(names.insert(set.name).second) << set.name;
    EXPECT_EQ(set.name.substr(0, set.ability.size()), set.ability);
    for (uint64_t i = kFirstProbe; i < kFirstProbe + 24; ++i) {
      const ProbeItem item = set.item(world(), i), again = set.item(world(), i);
      const std::string text = set.name + ": " + tokens_to_words(item.question);
      EXPECT_EQ(item.question, again.question) << text;
      EXPECT_EQ(item.answers, again.answers) << text;
      EXPECT_FALSE(item.question.empty()) << text;
      ASSERT_FALSE(item.answers.empty()) << text;
      EXPECT_FALSE(item.answers[static_cast<size_t>(item.correct)].empty()) << text;
      EXPECT_EQ(item.chain.empty(), !set.chain) << text;
      for (const ProbeExample& e : item.examples) EXPECT_NE(e.question, item.question) << text;
      const size_t longest = set.chain ? item.chain.size() + 2 : item.answers[0].size() + 1;
      if (set.ability != "A18") {
        EXPECT_LE(longest, static_cast<size_t>(set.max_tokens)) << text;
      }
    }
  }
}

TEST(Probes, ChecksAcceptTheReferenceAndRefuseNonsense) {
  const Tokens nonsense = words_to_tokens("winter winter");
  for (const ProbeSet& set : every_set()) {
    if (set.ability == "A18") continue;  // its reference is the partial answer
    for (uint64_t i = kFirstProbe; i < kFirstProbe + 24; ++i) {
      const ProbeItem item = set.item(world(), i);
      if (!item.check) continue;
      const Tokens gold = item.chain.empty()
                              ? item.answers[0]
                              : joined({item.chain, words_to_tokens("answer"), item.answers[0]});
      EXPECT_EQ(item.check(gold), 1)
          << set.name << ": " << tokens_to_words(item.question) << " -> " << tokens_to_words(gold);
      EXPECT_EQ(item.check(nonsense), 0) << set.name;
      EXPECT_EQ(item.check({}), 0) << set.name;
    }
  }
}

TEST(Probes, ContestedNeedsBothSides) {
  const auto sets = history_probes();
  const ProbeItem item = sets[1].item(world(), kFirstProbe);
  EXPECT_EQ(item.check(words_to_tokens("the reds say that the mill is good .")), 0);
  EXPECT_EQ(item.check(words_to_tokens("the reds say it is good . the blues say it is bad .")), 1);
}

TEST(Probes, CellsOfSteps) {
  std::set<std::string> cells;
  for (const ProbeSet& set : reasoning_probes())
    if (set.name == "A12.quantity.chain")
      for (uint64_t i = kFirstProbe; i < kFirstProbe + 40; ++i)
        cells.insert(set.item(world(), i).cell);
  EXPECT_EQ(cells, (std::set<std::string>{"k2", "k3", "k4"}));
}

// The form in which tuned models are asked is one that tuning has, for each number of steps; chain
// and direct ask the same new problem.
TEST(Probes, ProblemsAreAskedAsInTuning) {
  const Instructions all(world());
  const std::map<std::string, Family> families = {
      {"quantity", Family::word_problem}, {"hop", Family::hops}, {"state", Family::box_state}};
  const Token colon = word_token(":"), semicolon = word_token(";");
  const auto frame = [&](const Tokens& prompt) {  // what stands around the problem
    const auto end = std::find(prompt.begin(), prompt.end(), semicolon);
    if (end != prompt.end()) return Tokens(end, prompt.end());
    return Tokens(prompt.begin(), std::find(prompt.begin(), prompt.end(), colon) + 1);
  };
  for (const ProbeSet& set : reasoning_probes()) {
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
      const ProbeItem item = set.item(world(), i);
      EXPECT_TRUE(trained[item.cell].contains(frame(item.question)))
          << set.name << ": " << tokens_to_words(item.question);
      EXPECT_TRUE(item.examples.empty());
    }
  }
}

TEST(Probes, ChainsAreCountedStepByStep) {
  for (const ProbeSet& set : reasoning_probes()) {
    if (set.name != "A12.quantity.asked_chain") continue;
    const ProbeItem item = set.item(world(), kFirstProbe);
    const auto of = [&](const Tokens& chain, std::string_view end) {
      return item.details(joined({chain, words_to_tokens(end)}));
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
    EXPECT_TRUE(std::isnan(item.details(words_to_tokens("9"))[2]));
  }
}

// A sum is over with its first wrong step, of a recipe each step stands by itself.
TEST(Probes, StepsOfGatheringsAreCounted) {
  for (const ProbeSet& set : reasoning_probes()) {
    const bool formal = set.name == "A23.formal";
    if (!formal && set.name != "A23.recipe") continue;
    for (uint64_t i = kFirstProbe; i < kFirstProbe + 12; ++i) {
      const ProbeItem item = set.item(world(), i);
      const double steps = std::stod(item.cell.substr(1));
      EXPECT_EQ(item.details(item.answers[0]), (std::vector{steps, 0.0}));
      Tokens slipped = item.answers[0];  // in its first step
      slipped[1] = word_token("99");
      EXPECT_EQ(item.details(slipped),
                formal ? (std::vector{0.0, 1.0}) : (std::vector{steps - 1, 1.0}));
      EXPECT_EQ(item.details({}), (std::vector{0.0, formal ? 1.0 : steps}));
    }
  }
}

// What is shown beside the headline has as many numbers as names, whatever is written.
TEST(Probes, DetailsHaveNames) {
  for (const ProbeSet& set : every_set()) {
    const ProbeItem item = set.item(world(), kFirstProbe);
    EXPECT_EQ(static_cast<bool>(item.details), !set.details.empty()) << set.name;
    if (!item.details) continue;
    for (const char* text : {"", "winter winter", "answer 3 ."})
      EXPECT_EQ(item.details(words_to_tokens(text)).size(), set.details.size()) << set.name;
  }
}

TEST(Probes, OneSentencePagesAreCountedByClaims) {
  const ProbeItem item = history_probes()[0].item(world(), kFirstProbe);
  const auto all = item.details(item.answers[0]);
  EXPECT_GE(all[0], 5);
  EXPECT_EQ(all[1], 1);
  EXPECT_EQ(item.details(words_to_tokens("winter ."))[0], 0);
  EXPECT_TRUE(std::isnan(item.details(words_to_tokens("winter ."))[1]));
}

TEST(Probes, RandomOperationsAreABaseline) {
  double sum = 0;
  for (uint64_t i = 0; i < 40; ++i) sum += random_operation_baseline(world(), kFirstProbe + i);
  EXPECT_GT(sum / 40, 0);
  EXPECT_LT(sum / 40, 0.2);
  const ProbeSet compositions = instruction_probes()[2];
  ASSERT_EQ(compositions.name, "A09.compositions");
  double stored = 0;
  for (uint64_t i = 0; i < 40; ++i) stored += compositions.item(world(), kFirstProbe + i).baseline;
  EXPECT_NEAR(stored, sum, 1e-12);
}

}  // namespace
}  // namespace lineage
