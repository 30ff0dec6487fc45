#include <algorithm>
#include <array>
#include <cmath>

#include "lineage/abilities/continuation.h"
#include "lineage/abilities/ids.h"
#include "lineage/abilities/instruction_items.h"
#include "lineage/abilities/training_log.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

constexpr const char* kNextToken = "A26.next_token";

// Any document of the text corpus's kinds that is in no corpus, cut somewhere, and the next token.
Instance next_token_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe next token", index));
  const TextContext context(world);
  const Rng key = item_rng(world, "probe next text", index);
  std::vector<Token> text;
  switch (index % 5) {
    case 0:
      text = event_story(context, key).tokens;
      break;
    case 1:
      text = question_page(context, key).tokens;
      break;
    case 2:
      text = biography(context, draw.pick(world.persons()), key).tokens;
      break;
    case 3:
      text = informal_math(context, key).tokens;
      break;
    default:
      text = entry_list(context, key, 1).tokens;
  }
  const int longest = std::min(static_cast<int>(text.size()) - 1, 96);
  const auto at = static_cast<size_t>(draw.between(std::min(8, longest), longest));
  Instance item;
  constexpr std::array<std::string_view, 5> kCells = {"story", "questions", "biography",
                                                      "mathematics", "register"};
  item.cell = kCells[index % 5];
  item.question = Tokens(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at));
  for (Token t = 0; t < Vocabulary::kWords; ++t) item.answers.push_back(Tokens{t});
  item.correct = text[at];
  return item;
}

WorldScenario next_token() {
  WorldScenario s =
      text_choice_scenario(kNextToken, "The next token of fixed text", 100, next_token_item);
  s.spec.keeps_choices = true;
  s.spec.about = {
      .measures =
          "A text of the corpus’s kinds is cut somewhere, and the model picks the next "
          "token out of the whole vocabulary.",
      .chance = "What the most frequent token scores when it is given to every item.",
      .low =
          "Much of a text cannot be predicted, so no model reaches 1. What counts is the change "
          "from parent to child: a fall says that the child predicts plain text less well.",
      .parts = "The parts are kinds of text."};
  return s;
}

// Numbers of the answers to other abilities' scenarios.
std::vector<BorrowedMetric> borrowed() {
  AggregateMetric calibration = aggregates::choice_calibration("A26.calibration");
  calibration.about = {
      .measures =
          "The model’s probabilities for its choices in A03 are set against how often these "
          "choices are right. The score is the mean distance between the two (expected "
          "calibration error), 0 being best.",
      .low =
          "A high score says that the model is surer than it should be, or less sure. A model "
          "that knows nothing, and spreads its probability accordingly, scores well."};
  AggregateMetric length = aggregates::mean_length("A26.length");
  length.about = {
      .measures = "The mean number of words in the answers to A08.",
      .low =
          "It shows no ability. Where it is near the most that an answer may take, the answers "
          "do not end by themselves.",
      .parts = kFamilyCells};
  AggregateMetric ended = aggregates::ended("A26.ended");
  ended.about = {
      .measures =
          "The share of the answers to A08 that end by themselves, and not by reaching the "
          "most words that an answer may take.",
      .chance = "A model that never ends its answers scores 0.",
      .low = "Near 0 the model writes on until it is cut off.",
      .parts = kFamilyCells};
  for (AggregateMetric* m : {&calibration, &length, &ended}) m->own_row = true;
  return {{kCloze, calibration}, {kTrainedTypes, length}, {kTrainedTypes, ended}};
}

// `f` of the node's and its parent's log-probabilities of all words, for each common item.
template <class F>
std::vector<double> beside_parent(const NodeAnswers& node, const F& f) {
  std::vector<double> values;
  const ScenarioAnswers *own = node.own(kNextToken), *before = node.parents(kNextToken);
  if (!own || !before) return values;
  for (const auto& [id, item] : own->items) {
    const auto other = before->items.find(id);
    if (other != before->items.end() && !item.choices.empty() &&
        item.choices.size() == other->second.choices.size())
      values.push_back(f(item.choices, other->second.choices));
  }
  return values;
}

std::optional<DerivedScore::Value> divergence(const NodeAnswers& node) {
  const auto nats = beside_parent(node, [](const auto& own, const auto& before) {
    double sum = 0;
    for (size_t t = 0; t < own.size(); ++t) sum += std::exp(own[t]) * (own[t] - before[t]);
    return std::max(0.0, sum);
  });
  if (nats.size() < 2) return {};
  return DerivedScore::Value{{t_interval(nats)}};
}

std::optional<DerivedScore::Value> agreement(const NodeAnswers& node) {
  const auto likeliest = [](const std::vector<double>& scores) {
    return std::ranges::max_element(scores) - scores.begin();
  };
  const auto same = beside_parent(node, [&](const auto& own, const auto& before) {
    return likeliest(own) == likeliest(before) ? 1.0 : 0.0;
  });
  if (same.size() < 2) return {};
  return DerivedScore::Value{{proportion({same})}};
}

std::optional<DerivedScore::Value> spikes(const NodeAnswers& node) {
  const Estimate share = spike_score(node.training_losses());
  if (share.n == 0) return {};
  return DerivedScore::Value{{share}};
}

std::vector<DerivedScore> derived() {
  return {
      {.name = "A26.kl",
       .title = "divergence from the parent's next tokens",
       .metric = {.name = "divergence",
                  .kind = MetricKind::amount,
                  .unit = "nats",
                  .better = Better::neither,
                  .has_chance = false},
       .about = {.measures = "How far the model’s probabilities for the next token of fixed texts "
                             "lie from its parent’s (Kullback-Leibler divergence).",
                 .low =
                     "0 says that the stage left these probabilities as they were. A great value "
                     "says that the model writes differently, not that it is worse."},
       .items = kNextToken,
       .compute = divergence},
      {.name = "A26.agreement",
       .title = "next tokens that the parent would choose too",
       .metric = {.name = "share", .better = Better::neither, .has_chance = false},
       .about = {.measures = "At how many places of fixed texts the model and its parent find the "
                             "same token likeliest.",
                 .low =
                     "A low share says that the stage changed what the model writes, not that it "
                     "is worse. Two models with nothing in common agree at next to no place."},
       .items = kNextToken,
       .compute = agreement},
      {.name = "A26.spikes",
       .title = "steps of training whose loss was far above those before",
       .metric = {.name = "share of steps", .better = Better::lower, .has_chance = false},
       .about = {.measures = "The share of training steps whose loss lies far (seven standard "
                             "deviations) above that of the 128 steps before.",
                 .low = "0 is best: the training ran smoothly. It shows no ability."},
       .compute = spikes}};
}

}  // namespace

AbilityDefinition a26_training_shift() {
  return {.id = "A26",
          .scenarios = {next_token()},
          .borrowed = borrowed(),
          .derived = derived(),
          .allowed = {{.sources = {TrainingKind::text, TrainingKind::demonstrations},
                       .checks = {Check::exact, Check::grams},
                       .why = "no ability: any text of the corpus's kinds, on which a model is "
                              "compared with its parent"}}};
}

}  // namespace lineage
