#include <gtest/gtest.h>

#include <set>

#include "lineage/eval/predict.h"
#include "lineage/eval/scenarios/probe_scenario.h"
#include "lineage/eval/score.h"
#include "lineage/infer/engine.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

// Every probe, put to a model with random weights: it must render, fit and be scored, and no choice
// may be far from chance.
TEST(Suite, EveryProbeCanBeAsked) {
  const Tokenizer& tokenizer = *Vocabulary::get().tokenizer();
  GptConfig config;
  config.layers = 1, config.width = 16, config.heads = 2, config.context = 256;
  config.vocab = Vocabulary::kWords;
  Parameters parameters;
  Gpt gpt(parameters.root(), config);
  parameters.allocate(false);
  parameters.initialize(1);
  const auto model = language_model(gpt, tokenizer);
  const auto suite = ability_suite(std::make_shared<const World>(WorldConfig{}));
  std::set<std::string> names, abilities;
  for (const auto& scenario : suite) {
    const ScenarioSpec& spec = scenario->spec();
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name << " stands twice";
    abilities.insert(spec.ability);
    constexpr int64_t kItems = 6;
    SCOPED_TRACE(spec.name);
    std::vector<Instance> items;
    ASSERT_NO_THROW(items = scenario->items(ItemSet::test, kItems));
    ASSERT_EQ(items.size(), static_cast<size_t>(kItems));
    if (spec.prompting.samples > 1) continue;  // the same items as the set of one sample
    for (const auto form : spec.templates) {
      const auto predictions = predict(*model, items, {}, spec, form, 1);
      const Score s = score(spec, items, predictions, scenario->items(ItemSet::dev, 4))[0];
      EXPECT_EQ(s.n, kItems) << spec.name << ": some do not fit";
      EXPECT_GE(s.headline.value, 0) << spec.name;
      EXPECT_LE(s.headline.value, 1) << spec.name;
      EXPECT_LT(s.graded.value, 0) << spec.name;
    }
  }
  for (const char* ability : {"A01", "A03", "A04", "A05", "A06", "A08", "A09", "A10", "A11", "A12",
                              "A13", "A14", "A22", "A23", "A25"})
    EXPECT_TRUE(abilities.contains(ability)) << ability;
}

}  // namespace
}  // namespace lineage
