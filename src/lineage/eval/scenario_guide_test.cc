#include "lineage/eval/scenario_guide.h"

#include <gtest/gtest.h>

#include <set>

#include "lineage/eval/derived.h"
#include "lineage/eval/scenarios/probe_scenario.h"

namespace lineage {
namespace {

std::shared_ptr<const World> world() {
  static const auto made = std::make_shared<const World>(WorldConfig{});
  return made;
}

TEST(ScenarioGuide, EveryRowThatStandsByItselfIsExplained) {
  std::set<std::string> heads, abilities, with_heads;  // abilities without a headline show all
  const auto add = [&](const std::string& name, bool headline) {
    abilities.insert(name.substr(0, 3));
    if (!headline) return;
    heads.insert(name);
    with_heads.insert(name.substr(0, 3));
  };
  const auto each = [&](const auto& f) {
    for (const ProbeSet& set : suite_probes()) {
      f(set.name, set.headline);
      for (const Measure& m : probe_measures(set)) f(m.name, m.headline);
    }
    for (const DerivedScenario& d : derived_scenarios()) f(d.name, d.headline);
  };
  each(add);
  EXPECT_EQ(abilities.size(), 26u);
  each([&](const std::string& name, bool) {
    if (!with_heads.contains(name.substr(0, 3))) heads.insert(name);
  });
  for (const std::string& name : heads) {
    const ScenarioGuide* guide = scenario_guide(name);
    ASSERT_TRUE(guide) << name;
    EXPECT_TRUE(guide->about.measures.ends_with(".")) << name;
    EXPECT_TRUE(guide->about.low.ends_with(".")) << name;
  }
  EXPECT_FALSE(scenario_guide("A03.told"));
  EXPECT_FALSE(scenario_guide("hellaswag"));
}

TEST(ScenarioGuide, WhereMoreThanTheReferenceCountsItIsSaid) {
  for (const ProbeSet& set : suite_probes()) {
    if (!set.headline) continue;
    const bool open = probe_scenario(world(), set)->spec().metric.open;
    EXPECT_EQ(open, !set.about.accepts.empty()) << set.name;
    EXPECT_FALSE(set.about.chance.empty()) << set.name;
  }
}

TEST(ScenarioGuide, EveryExampleHasARightAnswer) {
  for (const ProbeSet& set : suite_probes()) {
    if (set.about.empty()) continue;
    const auto example = example_item(world(), set.name);
    ASSERT_TRUE(example) << set.name;
    EXPECT_FALSE(example->answer.empty()) << set.name;
    EXPECT_TRUE(!example->prompt.empty() || !example->choices.empty()) << set.name;
    EXPECT_EQ(example->choice_count > 0, set.method == ProbeSet::Method::choose) << set.name;
    EXPECT_EQ(example->chain.empty(), !set.chain) << set.name;
  }
}

TEST(ScenarioGuide, AnExampleStandsAsAModelReadsIt) {
  const auto request = example_item(world(), "A19.propriety");
  EXPECT_TRUE(request->prompt.starts_with("<src:web> q : ")) << request->prompt;
  EXPECT_TRUE(request->chat.starts_with("<user> ")) << request->chat;
  EXPECT_TRUE(request->chat.ends_with("<eot> <bot>")) << request->chat;
  // Four worked examples and the task.
  const auto few = example_item(world(), "A07.known_tasks");
  size_t users = 0;
  for (size_t at = 0; (at = few->chat.find("<user>", at)) != std::string::npos; ++at) ++users;
  EXPECT_EQ(users, 5u) << few->chat;
  // Whole sentences to choose from, and no prompt.
  const auto pair = example_item(world(), "A04.commonsense");
  EXPECT_TRUE(pair->prompt.empty());
  ASSERT_EQ(pair->choices.size(), 2u);
  EXPECT_TRUE(pair->choices[0].ends_with(".")) << pair->choices[0];
  // All cities, and the like, are too many to show.
  const auto fact = example_item(world(), "A03.cloze");
  EXPECT_TRUE(fact->choices.empty());
  EXPECT_GT(fact->choice_count, 8);
  EXPECT_FALSE(example_item(world(), "hellaswag"));
}

}  // namespace
}  // namespace lineage
