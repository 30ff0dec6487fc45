#include "lineage/eval/item_budget.h"

#include <gtest/gtest.h>

#include <string>

#include "lineage/eval/cached_scenario.h"
#include "lineage/eval/testing.h"

namespace lineage {
namespace {

// "q is": two tokens before each answer.
class Toy final : public Scenario {
 public:
  explicit Toy(ScenarioSpec spec, std::vector<std::string> answers)
      : Scenario(std::move(spec)), answers_(std::move(answers)) {}
  std::vector<Instance> items(ItemSet, int64_t n) const override {
    ++asked;
    std::vector<Instance> all(static_cast<size_t>(n));
    for (Instance& item : all) {
      item.question = text_part("q");
      for (const std::string& a : answers_) item.answers.push_back(text_part(a));
    }
    return all;
  }
  mutable int asked = 0;

 private:
  std::vector<std::string> answers_;
};

ScenarioSpec spec_of(PromptSpec::Method method, int64_t n) {
  ScenarioSpec spec;
  spec.prompt.method = method;
  spec.prompt.before_answer = " is";
  spec.n = n;
  return spec;
}

class ItemBudgetTest : public ::testing::Test {
 protected:
  int64_t within(const ScenarioSpec& spec, std::vector<std::string> answers, int64_t tokens) {
    return items_within(Toy(spec, std::move(answers)), model.tokenizer(), tokens);
  }
  testing::ScriptedModel model{{"q", "is", "a", "b"}};
};

TEST_F(ItemBudgetTest, ChoicesOfOneTokenShareTheirContext) {
  const auto spec = spec_of(PromptSpec::Method::choose, 10'000);
  EXPECT_EQ(within(spec, {"a", "b", "q"}, 3000), 1000);  // 2 + 1
  EXPECT_EQ(within(spec, {"a b", "b b"}, 8000), 1000);   // 2 (2 + 2)
}

TEST_F(ItemBudgetTest, WhatIsWrittenCountsThreefold) {
  auto spec = spec_of(PromptSpec::Method::generate, 10'000);
  spec.prompt.samples = 2;
  // Read 2 + 2; written twice the answer and its end, 3 tokens.
  EXPECT_EQ(within(spec, {"a b"}, 22'000), 1000);
  spec.prompt.sampling.max_tokens = 1;
  EXPECT_EQ(within(spec, {"a b"}, 10'000), 1000);
}

TEST_F(ItemBudgetTest, HeadlinesHaveThriceAsManyAndAllHaveSome) {
  auto spec = spec_of(PromptSpec::Method::choose, 10'000);
  spec.parent_row = "A99";
  EXPECT_EQ(within(spec, {"a", "b"}, 4500), 500);
  EXPECT_EQ(within(spec, {"a", "b"}, 3), kLeastItems);
  EXPECT_EQ(within(spec, {"a", "b"}, 3 * 3 * 139), 120);
  spec.n = 30;
  EXPECT_EQ(within(spec, {"a", "b"}, 3), 30);
  EXPECT_EQ(within(spec, {"a", "b"}, 1'000'000), 30);
}

TEST_F(ItemBudgetTest, ItemsAreMadeOnce) {
  const auto toy =
      std::make_shared<Toy>(spec_of(PromptSpec::Method::choose, 9), std::vector<std::string>{"a"});
  const CachedScenario remembered(toy);
  EXPECT_EQ(remembered.spec().n, 9);
  EXPECT_EQ(remembered.items(ItemSet::test, 5).size(), 5u);
  EXPECT_EQ(remembered.items(ItemSet::test, 5).size(), 5u);
  EXPECT_EQ(toy->asked, 1);
  EXPECT_EQ(remembered.items(ItemSet::dev, 5).size(), 5u);
  EXPECT_EQ(remembered.items(ItemSet::test, 4).size(), 4u);
  EXPECT_EQ(toy->asked, 3);
}

}  // namespace
}  // namespace lineage
