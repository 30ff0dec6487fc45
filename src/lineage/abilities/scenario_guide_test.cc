#include "lineage/abilities/scenario_guide.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lineage/abilities/derived.h"
#include "lineage/abilities/suite.h"

namespace lineage {
namespace {

std::shared_ptr<const World> world() {
  static const auto made = std::make_shared<const World>(WorldConfig{});
  return made;
}

// Every row of its own is explained, and every other row is shown below one that is.
TEST(ScenarioGuide, EveryRowOfItsOwnIsExplained) {
  std::set<std::string> own;
  std::map<std::string, std::string> parents;
  const auto add = [&](const std::string& name, const std::string& parent_row) {
    if (parent_row.empty())
      own.insert(name);
    else
      parents[name] = parent_row;
  };
  for (const AbilityDefinition& a : abilities()) {
    for (const DerivedScore& d : a.derived) add(d.name, d.parent_row);
    for (const WorldScenario& s : a.scenarios)
      for (const AggregateMetric& m : s.spec.aggregates) {
        EXPECT_NE(m.own_row, !m.parent_row.empty()) << m.name;
        add(m.name, m.parent_row);
      }
  }
  for (const auto& scenario : ability_suite(world()))
    add(scenario->spec().name, scenario->spec().parent_row);
  for (const auto& [name, row] : parents) EXPECT_TRUE(own.contains(row)) << name << ": " << row;
  for (const std::string& name : own) {
    const ScenarioGuide* guide = scenario_guide(name);
    ASSERT_TRUE(guide) << name;
    EXPECT_TRUE(guide->about.measures.ends_with(".")) << name;
    EXPECT_TRUE(guide->about.low.ends_with(".")) << name;
  }
  EXPECT_EQ(abilities().size(), 26u);
  EXPECT_FALSE(scenario_guide("A03.told"));
  EXPECT_FALSE(scenario_guide("hellaswag"));
}

TEST(ScenarioGuide, EveryChanceAndEveryFurtherRightAnswerIsExplained) {
  for (const AbilityDefinition& a : abilities())
    for (const WorldScenario& s : a.scenarios) {
      if (!s.spec.parent_row.empty()) continue;
      EXPECT_EQ(s.spec.metric.open, !s.spec.about.accepts.empty()) << s.spec.name;
      EXPECT_EQ(s.spec.metric.info.has_chance, !s.spec.about.chance.empty()) << s.spec.name;
      for (const AggregateMetric& m : s.spec.aggregates)
        if (m.own_row) {
          EXPECT_EQ(m.metric.has_chance, !m.about.chance.empty()) << m.name;
        }
    }
}

TEST(ScenarioGuide, EveryExampleHasARightAnswer) {
  for (const AbilityDefinition& a : abilities())
    for (const WorldScenario& s : a.scenarios) {
      if (s.spec.about.empty()) continue;
      const PromptSpec& p = s.spec.prompt;
      const auto example = example_item(world(), s.spec.name);
      ASSERT_TRUE(example) << s.spec.name;
      EXPECT_FALSE(example->answer.empty()) << s.spec.name;
      EXPECT_TRUE(!example->prompt.empty() || !example->choices.empty()) << s.spec.name;
      EXPECT_EQ(example->choice_count > 0, p.method == PromptSpec::Method::choose) << s.spec.name;
      EXPECT_EQ(example->chain.empty(), p.reasoning != PromptSpec::Reasoning::chain) << s.spec.name;
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
