#include "lineage/world/probes/instruction_probes.h"

#include <gtest/gtest.h>

#include <set>

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

TEST(Probes, RandomOperationsAreABaseline) {
  double sum = 0;
  for (uint64_t i = 0; i < 40; ++i) sum += random_operation_baseline(world(), kFirstProbe + i);
  EXPECT_GT(sum / 40, 0);
  EXPECT_LT(sum / 40, 0.2);
}

}  // namespace
}  // namespace lineage
