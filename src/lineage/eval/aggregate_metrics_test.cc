#include "lineage/eval/aggregate_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lineage/eval/score.h"

namespace lineage {
namespace {

Instance item(std::string cell) {
  Instance i;
  i.cell = std::move(cell);
  i.grade = [](const std::string& output) { return output == "right" ? 1.0 : 0.0; };
  // The number of "x" in the output, as a share of four; and a number that cell b lacks.
  i.annotate = [cell = i.cell](const std::string& output) {
    return std::vector{static_cast<double>(std::ranges::count(output, 'x')) / 4,
                       cell == "b" ? std::nan("") : 1.0};
  };
  return i;
}

Prediction written(std::string output) {
  Prediction p;
  p.output = std::move(output);
  return p;
}

Prediction scored(std::vector<double> scores) {
  Prediction p;
  p.scores = std::move(scores);
  p.chosen = static_cast<int>(std::ranges::max_element(p.scores) - p.scores.begin());
  return p;
}

TEST(Measures, MeansOfDetailsHandCounted) {
  const std::vector<Instance> items = {item("a"), item("a"), item("b")};
  const std::vector<Prediction> predictions = {written("x"), written("xxx"), written("xx")};
  const auto first = score(aggregates::annotation("A99.x", "x", 0), items, predictions);
  ASSERT_EQ(first.size(), 3u);
  EXPECT_NEAR(first[0].estimate.value, ((1 + 3) / 8.0 + 0.5) / 2, 1e-15);
  EXPECT_EQ(first[0].n, 3);
  EXPECT_TRUE(std::isnan(first[0].log_likelihood.value));
  EXPECT_EQ(first[1].cell, "a");
  EXPECT_NEAR(first[1].estimate.value, 0.5, 1e-15);
  // Where it does not apply there is no row, and the mean is over the others.
  const auto second = score(aggregates::annotation("A99.y", "y", 1), items, predictions);
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(second[0].estimate.value, 1);
  EXPECT_EQ(second[0].n, 2);
  EXPECT_TRUE(score(aggregates::annotation("A99.y", "y", 1), std::span(items).last(1),
                    std::span(predictions).last(1))
                  .empty());
}

TEST(Measures, ItemsThatDoNotFitDoNotCount) {
  const std::vector<Instance> items = {item("a"), item("a")};
  std::vector<Prediction> predictions = {written("xxxx"), written("")};
  predictions[1].fits = false;
  EXPECT_EQ(score(aggregates::annotation("A99.x", "x", 0), items, predictions)[0].estimate.value,
            1);
}

// Two of four samples are right: one of two is, unless both are wrong ones, 1 - 1/6.
TEST(Measures, PassAtK) {
  Prediction p;
  for (const char* output : {"right", "wrong", "", "right"}) p.samples.push_back({output, output});
  Prediction none;
  for (int i = 0; i < 4; ++i) none.samples.push_back({"wrong", "wrong"});
  const std::vector<Instance> items = {item(""), item("")};
  const std::vector<Prediction> predictions = {p, none};
  const auto at = [&](int64_t k) {
    return score(aggregates::pass_at("A99.pass", k), items, predictions)[0].estimate.value;
  };
  EXPECT_NEAR(at(1), 0.25, 1e-12);
  EXPECT_NEAR(at(2), (1 - 1.0 / 6) / 2, 1e-12);
  EXPECT_NEAR(at(4), 0.5, 1e-12);
  EXPECT_TRUE(score(aggregates::pass_at("A99.pass", 5), items, predictions).empty());
}

TEST(Measures, VotesOfTheSameSamples) {
  Prediction p;
  p.samples = {{"wrong", "1", 1}, {"wrong", "1", 1}, {"right", "2", 3}};
  const std::vector<Instance> items = {item("")};
  const std::vector<Prediction> predictions = {p};
  const auto with = [&](PromptSpec::Vote who) {
    return score(aggregates::vote("A99.vote", "", {}, who), items, predictions)[0].estimate.value;
  };
  EXPECT_EQ(with(PromptSpec::Vote::majority), 0);
  EXPECT_EQ(with(PromptSpec::Vote::complexity), 1);  // the one of three steps
  EXPECT_EQ(with(PromptSpec::Vote::first), 0);
}

TEST(Measures, TheAnswerAfterTheRightChain) {
  std::vector<Prediction> predictions(2);
  predictions[0].answer_log_prob = std::log(0.5), predictions[1].answer_log_prob = std::log(0.25);
  const std::vector<Instance> items = {item(""), item("")};
  const auto s = score(aggregates::answer_given_chain("A99.given"), items, predictions)[0];
  EXPECT_NEAR(s.estimate.value, 0.375, 1e-12);
  EXPECT_NEAR(s.log_likelihood.value, std::log(0.125) / 2, 1e-12);
}

TEST(Measures, YoudenIsTheDifferenceOfTwoRates) {
  const std::vector<Instance> items = {item("yes, a"), item("yes, b"), item("no"), item("no")};
  const std::vector<Prediction> predictions = {written("xxxx"), written("xxxx"), written("x"),
                                               written("")};
  const auto j = aggregates::youden("A99.j", "", 0, {"yes, a", "yes, b"}, {"no"});
  const auto s = score(j, items, predictions);
  ASSERT_EQ(s.size(), 1u);
  EXPECT_NEAR(s[0].estimate.value, 1 - 0.125, 1e-12);
  EXPECT_LT(s[0].estimate.low, s[0].estimate.value);
  EXPECT_LE(s[0].estimate.high, 1);
  EXPECT_TRUE(score(j, std::span(items).first(2), std::span(predictions).first(2)).empty());
}

TEST(Measures, GainsArePairedByText) {
  std::vector<Instance> items;
  std::vector<Prediction> predictions;
  const auto add = [&](const char* cell, const char* text, double log_prob) {
    items.push_back(item(cell)), items.back().cluster = text;
    predictions.emplace_back().log_prob = log_prob;
  };
  add("c32", "text 0", -3), add("c208", "text 0", -1);  // 2 nats
  add("c32", "text 1", -2), add("c208", "text 1", -1);  // 1 nat
  add("c64", "text 1", -9), add("c208", "text 2", -9);  // of no pair
  const auto gain = aggregates::log_likelihood_gain("A99.gain", "", "c32", "c208");
  const auto s = score(gain, items, predictions);
  ASSERT_EQ(s.size(), 1u);
  EXPECT_NEAR(s[0].estimate.value, 1.5, 1e-12);
  EXPECT_EQ(s[0].n, 2);
  EXPECT_TRUE(score(gain, std::span(items).first(2), std::span(predictions).first(2)).empty());
}

// Outputs of x and y: steps right and wrong. Each step weighs the same, whatever its item.
TEST(Measures, ErrorsAStepHandCounted) {
  std::vector<Instance> items(3);
  for (Instance& i : items)
    i.annotate = [](const std::string& output) {
      return std::vector{std::nan(""), static_cast<double>(std::ranges::count(output, 'x')),
                         static_cast<double>(std::ranges::count(output, 'y'))};
    };
  const std::vector<Prediction> predictions = {written("xxx"), written("xy"), written("y")};
  const auto rate = aggregates::error_rate("A99.errors", "", 1, 2);
  const auto s = score(rate, items, predictions);
  EXPECT_NEAR(s[0].estimate.value, 2.0 / 6, 1e-12);
  EXPECT_EQ(s[0].n, 6);
  EXPECT_TRUE(score(rate, std::span(items).first(1), std::vector{written("")}).empty());
}

TEST(Measures, DetailsAtOneLength) {
  const std::vector<Instance> items = {item("a"), item("a"), item("a")};
  const std::vector<Prediction> predictions = {written("x x"), written("xxx b c"),
                                               written("a b c d")};
  const auto at = aggregates::annotation_at_length("A99.matched", "", 0, {.name = "mean"}, 2, 3);
  const auto s = score(at, items, predictions);
  EXPECT_EQ(s[0].n, 2);  // the third has four words
  EXPECT_NEAR(s[0].estimate.value, (0.5 + 0.75) / 2, 1e-12);
}

// Log-odds of the last choice against the two others: 0, 1 and 5 at x = 0, 1 and 2, of which the
// least-squares line climbs 2.5.
TEST(Measures, TheSlopeOfDoubt) {
  const auto abstains = [](double log_odds) {
    return scored({std::log(0.25), std::log(0.25), log_odds + std::log(0.5)});
  };
  const std::vector<Instance> items = {item("never"), item("once"), item("often"), item("else")};
  const std::vector<Prediction> predictions = {abstains(0), abstains(1), abstains(5), abstains(99)};
  const auto slope = aggregates::abstention_slope("A99.slope", "", 1,
                                                  {{"never", 0.0}, {"once", 1.0}, {"often", 2.0}});
  const auto s = score(slope, items, predictions);
  ASSERT_EQ(s.size(), 1u);
  EXPECT_NEAR(s[0].estimate.value, 2.5, 1e-9);
  EXPECT_TRUE(score(slope, std::span(items).first(2), std::span(predictions).first(2)).empty());
}

// Three choices, the last is to abstain. Log-odds of abstaining grow from item to item.
TEST(Measures, TheHardestScopeIsTheAuroc) {
  const std::vector<Instance> items = {item("known"), item("known"), item("easy"), item("hard")};
  const std::vector<Prediction> predictions = {scored({-1, -9, -8}), scored({-1, -9, -2}),
                                               scored({-1, -9, -1}), scored({-1, -9, -3})};
  const std::vector<aggregates::Scopes> scopes = {{{"known"}, {"easy", "hard"}}};
  const auto by = [&](aggregates::Uncertainty how) {
    return score(aggregates::abstention_auroc("A99.auroc", "", how, 1, scopes), items,
                 predictions)[0];
  };
  EXPECT_EQ(by(aggregates::Uncertainty::abstains).estimate.value, 0.5);  // above one of two
  EXPECT_EQ(by(aggregates::Uncertainty::abstains).chance.value(), 0.5);
  EXPECT_EQ(by(aggregates::Uncertainty::unsure).estimate.value, 0.5);  // all ties
  EXPECT_TRUE(score(aggregates::abstention_auroc("A99.auroc", "", aggregates::Uncertainty::abstains,
                                                 1, {{{"known"}, {"absent"}}}),
                    items, predictions)
                  .empty());
}

TEST(Measures, DistinctTriplesLengthsAndEnds) {
  const std::vector<Instance> items = {item(""), item("")};
  std::vector<Prediction> predictions = {written("a b c a b c"), written("a b c")};
  predictions[0].format = 1;
  // abc bca cab abc; abc: three different ones of five.
  EXPECT_NEAR(score(aggregates::distinct_triples("A99.d"), items, predictions)[0].estimate.value,
              0.6, 1e-12);
  EXPECT_NEAR(score(aggregates::mean_length("A99.l"), items, predictions)[0].estimate.value, 4.5,
              1e-12);
  EXPECT_NEAR(score(aggregates::ended("A99.e"), items, predictions)[0].estimate.value, 0.5, 1e-12);
  predictions = {written("a b"), written("")};
  EXPECT_TRUE(score(aggregates::distinct_triples("A99.d"), items, predictions).empty());
}

// Words are no proportion: of few answers a mean of 1 may be above 1, and none is below 0.
TEST(Measures, AnIntervalFollowsTheMetric) {
  const auto length = [](const std::vector<std::string>& outputs) {
    const std::vector<Instance> items(outputs.size());
    std::vector<Prediction> predictions;
    for (const std::string& text : outputs) predictions.push_back(written(text));
    return score(aggregates::mean_length("A99.l"), items, predictions)[0].estimate;
  };
  const Estimate ones = length({"a", "b", "c"});
  EXPECT_EQ(ones.value, 1);
  EXPECT_FALSE(std::isfinite(ones.low)) << "equal lengths have no spread to judge by";
  EXPECT_FALSE(std::isfinite(ones.high));
  const Estimate far = length({"", "", "a b c d e f g h i"});
  EXPECT_EQ(far.low, 0);
  EXPECT_GT(far.high, 9);
  EXPECT_FALSE(std::isfinite(length({"a b"}).high));  // of one answer there is none
  EXPECT_EQ(aggregates::annotation("A99.x", "x", 0).metric.kind, MetricKind::share);
}

// Confidence .5 twice, of which one is right: no error; confidence .9 and wrong: .9.
TEST(Measures, CalibrationOfChoices) {
  std::vector<Instance> items(3);
  items[1].correct = 1;
  std::vector<Prediction> predictions = {scored({-2, -2}), scored({-5, -5}),
                                         scored({std::log(0.1), std::log(0.9)})};
  const auto error = [&](size_t n) {
    return score(aggregates::choice_calibration("A99.ece"), std::span(items).first(n),
                 std::span(predictions).first(n))[0]
        .estimate.value;
  };
  EXPECT_NEAR(error(2), 0, 1e-12);
  EXPECT_NEAR(error(3), 0.3, 1e-12);
}

// A baseline above a choice at random is the chance.
TEST(Measures, BaselinesAreAChance) {
  ScenarioSpec spec;
  spec.metric = {{.name = "none"}, [](const Instance&, const Prediction&) { return 0.0; }};
  std::vector<Instance> items(2);
  for (Instance& i : items) i.answers = {text_part("a")};
  items[0].baseline = 0.5;
  const std::vector<Prediction> predictions(2);
  EXPECT_NEAR(measure_chance(spec, items, predictions, {}).value(), 0.25, 1e-15);
  spec.prompt.method = PromptSpec::Method::choose;
  for (Instance& i : items)
    i.answers = {text_part("a"), text_part("b"), text_part("c"), text_part("d")};
  EXPECT_NEAR(measure_chance(spec, items, predictions, {}).value(), (0.5 + 0.25) / 2, 1e-15);
}

}  // namespace
}  // namespace lineage
