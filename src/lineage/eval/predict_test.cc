#include "lineage/eval/predict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "lineage/eval/item_metrics.h"
#include "lineage/eval/testing.h"

namespace lineage {
namespace {

using testing::ScriptedModel;
using Template = PromptSpec::Template;

std::vector<std::string> kWords = {"q", "a", "b", "c", "is", "so", "one", "two", "step", ";"};

Instance item(std::string id, std::vector<std::string> answers, int correct = 0) {
  Instance i;
  i.id = std::move(id);
  i.question = text_part("q");
  for (auto& a : answers) i.answers.push_back(text_part(a));
  i.correct = correct;
  return i;
}

ScenarioSpec spec_of(PromptSpec::Method method) {
  ScenarioSpec spec;
  spec.name = "test";
  spec.metric = metrics::choice_accuracy();
  spec.prompt.method = method;
  spec.prompt.before_answer = " is", spec.prompt.after_answer = " ;";
  spec.prompt.chain_end = " so", spec.prompt.step_mark = "step";
  return spec;
}

TEST(Predict, ChoosesTheLikeliest) {
  ScriptedModel model(kWords);
  model.log_prob = [](const std::string&, const std::string& next) {
    return std::log(next == "b" ? 0.5 : next == "a" ? 0.25 : 0.125);
  };
  auto spec = spec_of(PromptSpec::Method::choose);
  const std::vector<Instance> items = {item("1", {"a", "b", "c"}, 0)};
  const Prediction p = predict(model, items, {}, spec, Template::raw, 1)[0];
  EXPECT_EQ(p.chosen, 1);
  EXPECT_EQ(p.answer, "b");
  EXPECT_NEAR(p.log_prob, std::log(0.25), 1e-6);  // of the right one
  EXPECT_NEAR(p.format, 0.875, 1e-6);
}

TEST(Predict, NormalisationChangesTheChoice) {
  ScriptedModel model(kWords);
  model.log_prob = [](const std::string&, const std::string& next) {
    return next == "a" ? -2.5 : -1.0;
  };
  // "a": -2.5; "one two two": -3, -1 a token, -3/11 a byte.
  const std::vector<Instance> items = {item("1", {"a", "one two two"}, 1)};
  auto spec = spec_of(PromptSpec::Method::choose);
  EXPECT_EQ(predict(model, items, {}, spec, Template::raw, 1)[0].chosen, 0);
  spec.prompt.normalise = PromptSpec::Normalise::tokens;
  EXPECT_EQ(predict(model, items, {}, spec, Template::raw, 1)[0].chosen, 1);
  spec.prompt.normalise = PromptSpec::Normalise::bytes;
  const Prediction p = predict(model, items, {}, spec, Template::raw, 1)[0];
  EXPECT_EQ(p.chosen, 1);
  EXPECT_NEAR(p.scores[1], -3.0 / 11, 1e-12);
  EXPECT_NEAR(p.log_prob, -1, 1e-12);
}

TEST(Predict, Likelihood) {
  ScriptedModel model(kWords);
  model.log_prob = [](const std::string& context, const std::string&) {
    return context.ends_with("a") ? -3.0 : -1.0;
  };
  const std::vector<Instance> items = {item("1", {"a b"})};
  const auto spec = spec_of(PromptSpec::Method::likelihood);
  EXPECT_NEAR(predict(model, items, {}, spec, Template::raw, 1)[0].log_prob, -2, 1e-12);
  EXPECT_EQ(model.generated, 0);
}

// The answer's tokens alone, after a chain whose tokens cost another price.
TEST(Predict, TheAnswersLikelihoodIsApartFromTheChains) {
  ScriptedModel model(kWords);
  model.log_prob = [](const std::string&, const std::string& next) {
    return next == "two" ? -5.0 : -1.0;
  };
  model.reply = [](const std::string&, int) { return "a so two"; };
  auto spec = spec_of(PromptSpec::Method::generate);
  spec.prompt.reasoning = PromptSpec::Reasoning::chain;
  Instance i = item("1", {"two"});
  i.chain = text_part("a b");
  const Prediction p = predict(model, std::vector{i}, {}, spec, Template::raw, 1)[0];
  EXPECT_NEAR(p.answer_log_prob, -5, 1e-6);
  EXPECT_NEAR(p.log_prob, (-1 * 3 - 5) / 4.0, 1e-6);  // a, b, so, two
  spec.prompt.reasoning = PromptSpec::Reasoning::direct;
  const Prediction direct = predict(model, std::vector{i}, {}, spec, Template::raw, 1)[0];
  EXPECT_EQ(direct.answer_log_prob, direct.log_prob);
}

// A full stop after the answer ends it in texts and is not part of it; unless it is wanted, or the
// answer was a turn of a conversation.
TEST(Predict, TheClosingOfATextIsNoPartOfTheAnswer) {
  ScriptedModel model(kWords);
  model.reply = [](const std::string&, int) { return "a b ; "; };
  auto spec = spec_of(PromptSpec::Method::generate);
  const auto output = [&](const char* wanted, Template form) {
    return predict(model, std::vector{item("1", {wanted})}, {}, spec, form, 1)[0].output;
  };
  EXPECT_EQ(output("a b", Template::raw), "a b ; ");
  spec.prompt.raw_closing = " ;";
  EXPECT_EQ(output("a b", Template::raw), "a b");
  EXPECT_EQ(output("a b ;", Template::raw), "a b ; ");
  EXPECT_EQ(output("a b", Template::chat), "a b ; ");
}

TEST(Predict, SelfConsistencyAndComplexity) {
  ScriptedModel model(kWords);
  model.reply = [](const std::string&, int draw) {
    return std::vector<std::string>{"a so one", "a step b so two", "a so one",
                                    "a step b step c so two", "a so one"}[draw];
  };
  auto spec = spec_of(PromptSpec::Method::generate);
  spec.prompt.reasoning = PromptSpec::Reasoning::chain;
  spec.prompt.samples = 5;
  spec.prompt.vote = PromptSpec::Vote::majority;
  const std::vector<Instance> items = {item("1", {"two"})};
  const Prediction majority = predict(model, items, {}, spec, Template::raw, 1)[0];
  EXPECT_EQ(majority.answer, "one");
  std::vector<std::string> drawn;
  for (const DrawnAnswer& s : majority.samples) drawn.push_back(s.answer);
  EXPECT_EQ(drawn, (std::vector<std::string>{"one", "two", "one", "two", "one"}));
  spec.prompt.vote = PromptSpec::Vote::complexity;  // the two longest of five
  const Prediction complex = predict(model, items, {}, spec, Template::raw, 1)[0];
  EXPECT_EQ(complex.answer, "two");
  EXPECT_EQ(complex.format, 1);
  EXPECT_EQ(std::set<uint64_t>(model.seeds.begin(), model.seeds.end()).size(), 5u);
}

TEST(Predict, DrawsDependOnTheItemAlone) {
  const auto spec = spec_of(PromptSpec::Method::generate);
  const std::vector<Instance> both = {item("1", {"a"}), item("2", {"b"})};
  ScriptedModel model(kWords), alone(kWords);
  predict(model, both, {}, spec, Template::raw, 1);
  predict(alone, std::span(both).subspan(1), {}, spec, Template::raw, 1);
  EXPECT_EQ(model.seeds[1], alone.seeds[0]);
  EXPECT_NE(model.seeds[0], model.seeds[1]);
}

TEST(Predict, ExamplesAreDifferentOnesOfThePool) {
  std::vector<Instance> pool;
  for (const char* word : {"a", "b", "c", "one", "two"}) {
    pool.push_back(item(word, {word, "so"}, 0));
    pool.back().question = text_part(word);
  }
  auto spec = spec_of(PromptSpec::Method::choose);
  const auto first = draw_examples(item("1", {"a"}), pool, 5, spec, 1);
  std::set<std::string> seen;
  for (const FewShotExample& e : first) {
    seen.insert(e.question.text);
    EXPECT_EQ(e.question.text, e.answer.text);
  }
  EXPECT_EQ(seen.size(), 5u);
  EXPECT_EQ(draw_examples(item("1", {"a"}), pool, 9, spec, 1).size(), 5u);
  const auto again = draw_examples(item("1", {"a"}), pool, 2, spec, 1);
  EXPECT_EQ(again[0].question, first[0].question);
  EXPECT_EQ(again[1].question, first[1].question);
}

// One pass of the context for all choices, or one for each: the same numbers.
TEST(Predict, SharedContextsScoreAsApartOnes) {
  testing::RandomModel random;
  const auto spec = spec_of(PromptSpec::Method::choose);
  Instance i = item("1", {"a", "b", "c"});
  const auto shared = predict(*random, std::vector{i}, {}, spec, Template::raw, 1)[0];
  i.answers.push_back(text_part("a longer one"));
  const auto apart = predict(*random, std::vector{i}, {}, spec, Template::raw, 1)[0];
  for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(shared.scores[c], apart.scores[c], 1e-5);
}

TEST(Predict, WhatDoesNotFitIsMarked) {
  ScriptedModel model(kWords);
  model.context_length = 3;
  const std::vector<Instance> items = {item("1", {"a b c one two", "a"}), item("2", {"a", "b"})};
  const auto p = predict(model, items, {}, spec_of(PromptSpec::Method::choose), Template::raw, 1);
  EXPECT_FALSE(p[0].fits);
  EXPECT_TRUE(p[1].fits);
  EXPECT_EQ(p[1].scores.size(), 2u);
}

}  // namespace
}  // namespace lineage
