#include "lineage/abilities/suite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "lineage/abilities/derived.h"
#include "lineage/abilities/ids.h"
#include "lineage/eval/answer.h"
#include "lineage/eval/predict.h"
#include "lineage/eval/prompt.h"
#include "lineage/eval/score.h"
#include "lineage/infer/engine.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

// A26.kl and A26.agreement compare them with the parent's.
TEST(Suite, TheScoresOfNextTokensAreKept) {
  int kept = 0;
  for (const auto& scenario : ability_suite(std::make_shared<const World>(WorldConfig{}))) {
    EXPECT_EQ(scenario->spec().keeps_choices, scenario->spec().name == "A26.next_token")
        << scenario->spec().name;
    kept += scenario->spec().keeps_choices;
  }
  EXPECT_EQ(kept, 1);
}

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
    for (const auto form : spec.templates) {
      const auto predictions = predict(*model, items, {}, spec, form, 1);
      const Score s = score(spec, items, predictions, scenario->items(ItemSet::dev, 4))[0];
      EXPECT_EQ(s.n, kItems) << spec.name << ": some do not fit";
      EXPECT_GE(s.estimate.value, 0) << spec.name;
      EXPECT_LE(s.estimate.value, 1) << spec.name;
      EXPECT_LT(s.log_likelihood.value, 0) << spec.name;
      for (const AggregateMetric& m : spec.aggregates) {
        EXPECT_TRUE(names.insert(m.name).second || form != spec.templates[0]) << m.name;
        abilities.insert(m.ability);
        for (const Score& of : score(m, items, predictions))
          EXPECT_TRUE(std::isfinite(of.estimate.value)) << m.name;
      }
    }
  }
  for (const char* ability :
       {"A01", "A02", "A03", "A04", "A05", "A06", "A08", "A09", "A10", "A11", "A12", "A07",
        "A13", "A14", "A17", "A18", "A19", "A20", "A21", "A22", "A23", "A24", "A25", "A26"})
    EXPECT_TRUE(abilities.contains(ability)) << ability;
}

// The budget of an evaluation: the tokens read and written for one node with every scenario's own
// number of items. At 0.43M parameters a token read costs about a tenth of one written.
TEST(Suite, AnEvaluationStaysWithinItsTokens) {
  const Tokenizer& tokenizer = *Vocabulary::get().tokenizer();
  const auto suite = ability_suite(std::make_shared<const World>(WorldConfig{}));
  double read = 0, written = 0;
  constexpr int64_t kItems = 24;
  for (const auto& scenario : suite) {
    const ScenarioSpec& spec = scenario->spec();
    const PromptSpec& p = spec.prompt;
    const bool generates = p.method == PromptSpec::Method::generate;
    double reads = 0, longest = 0;
    const auto items = scenario->items(ItemSet::test, kItems);
    for (const Instance& item : items) {
      const Prompt prompt = render(item, {}, p, spec.templates[0], tokenizer, 256);
      size_t scored = 0;
      bool single = prompt.choices.size() > 1;
      for (const ScoreRequest& c : prompt.choices) {
        scored += c.context.size() + c.continuation.size();
        single = single && c.continuation.size() == 1 && c.context == prompt.choices[0].context;
      }
      if (single) scored = prompt.choices[0].context.size() + 1;
      reads += static_cast<double>(scored) +
               (generates ? static_cast<double>(prompt.context.size()) * p.samples : 0);
      if (generates)
        longest = std::max(longest, static_cast<double>(prompt.choices[0].continuation.size()));
    }
    const double n = static_cast<double>(spec.n);
    read += reads / kItems * n;
    if (!generates) continue;
    written += n * p.samples * static_cast<double>(p.sampling.max_tokens);
    // No answer may take far more than the right one does.
    constexpr double kShort = 64;  // of these few items; rare ones take as much
    EXPECT_LE(static_cast<double>(p.sampling.max_tokens), std::max(kShort, 2 * longest + 16))
        << spec.name;
    RecordProperty(spec.name, std::to_string(static_cast<int64_t>(reads / kItems * n)));
  }
  RecordProperty("read", std::to_string(static_cast<int64_t>(read)));
  RecordProperty("written", std::to_string(static_cast<int64_t>(written)));
  EXPECT_LT(read, 2.3e6);
  EXPECT_LT(written, 5.5e5);
}

// The reference, written as in the corpus or a conversation, is right: no question may require a
// form that no answer can have.
TEST(Suite, TheReferenceIsRight) {
  const auto suite = ability_suite(std::make_shared<const World>(WorldConfig{}));
  for (const auto& scenario : suite) {
    const ScenarioSpec& spec = scenario->spec();
    const PromptSpec& p = spec.prompt;
    if (p.method != PromptSpec::Method::generate || p.samples > 1) continue;
    if (spec.ability == "A02" || spec.name == "A20.abstention") continue;  // many are as good
    for (const Instance& item : scenario->items(ItemSet::test, 12)) {
      Prediction written;
      written.output = item.answers[0].text;
      if (p.reasoning == PromptSpec::Reasoning::chain)
        written.output = item.chain.text + p.chain_end + written.output;
      written.answer = extract_answer(written.output, p);
      EXPECT_EQ(spec.metric.score(item, written), 1) << spec.name << ": " << written.output;
    }
  }
}

// … and always taking the first choice, or the one longest ago, must not be right.
TEST(Suite, ThePlaceOfAChoiceDoesNotTell) {
  const auto suite = ability_suite(std::make_shared<const World>(WorldConfig{}));
  for (const auto& scenario : suite) {
    if (scenario->spec().prompt.method != PromptSpec::Method::choose) continue;
    constexpr int64_t kItems = 96;
    std::map<int, int64_t> places;
    for (const Instance& item : scenario->items(ItemSet::test, kItems)) ++places[item.correct];
    for (const auto& [place, times] : places)
      EXPECT_LT(times, kItems * 3 / 4) << scenario->spec().name << ": right is number " << place;
  }
}

// Every constant that other files refer to is in the suite.
TEST(Suite, HasEveryConstant) {
  std::set<std::string> names;
  for (const auto& s : ability_suite(std::make_shared<const World>(WorldConfig{})))
    names.insert(s->spec().name);
  for (const char* name : {kGrammar, kCloze, kTwoWayBinding, kFunction8, kKnownTasks, kTrainedTypes,
                           kFunctions, kQuantityChain, kHopChain, kStateChain, kMovedBoxes})
    EXPECT_TRUE(names.contains(name)) << name;
  for (const std::string& name : {with_shots(kKnownTasks, 0), with_shots(kTrainedTypes, 4)})
    EXPECT_TRUE(names.contains(name)) << name;
}

// An item's text is its tokens' words.
TEST(Suite, ItemsHaveTheirWords) {
  const auto suite = ability_suite(std::make_shared<const World>(WorldConfig{}));
  for (const auto& scenario : suite)
    for (const Instance& item : scenario->items(ItemSet::test, 2)) {
      EXPECT_EQ(Vocabulary::get().tokenizer()->decode(item.question.tokens), item.question.text);
      for (const Part& answer : item.answers)
        EXPECT_EQ(Vocabulary::get().tokenizer()->decode(answer.tokens), answer.text);
    }
}

}  // namespace
}  // namespace lineage
