#include "lineage/eval/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/eval/item_budget.h"
#include "lineage/eval/predict.h"
#include "lineage/eval/prompt.h"
#include "lineage/eval/score.h"
#include "lineage/eval/template_choice.h"

namespace lineage {
namespace {

constexpr int64_t kPool = 64;  // items from which demonstrations are drawn

void add_part(Digest& d, const Part& part) {
  d.field(part.text);
  for (Token t : part.tokens) d.field(std::to_string(t));
}

// A metric that judges differently is measured again, since its meaning is stored with the scores.
void add_metric(Digest& d, const MetricInfo& m) {
  d.field(m.name).field(metric_kind_name(m.kind)).field(m.unit).field(better_name(m.better));
  d.field(fmt::format("{} {}", m.better == Better::nearest ? m.target : 0, m.has_chance));
}

void add_item(Digest& d, const Instance& item) {
  d.field(item.id).field(item.cell).field(item.cluster).field(std::to_string(item.correct));
  add_part(d, item.question);
  add_part(d, item.chain);
  for (const auto* parts : {&item.answers, &item.contexts}) {
    d.field(std::to_string(parts->size()));
    for (const Part& part : *parts) add_part(d, part);
  }
  for (const FewShotExample& e : item.examples)
    for (const Part* part : {&e.question, &e.chain, &e.answer}) add_part(d, *part);
  // Absent in most scenarios, whose digests stay.
  if (!item.preamble.empty()) add_part(d.field("preamble"), item.preamble);
  if (!item.subject.empty()) d.field("subject " + item.subject);
  for (const bool right : item.right) d.field(right ? "right" : "wrong");
}

// A prerequisite may be a cell of the scenario itself: persons in no text, for the use of a
// passage.
std::optional<double> prerequisite_score(const Evaluation& e, const Database& database) {
  const Prerequisite& needed = e.scenario.spec->prerequisite;
  if (needed.scenario != e.scenario.spec->name)
    return database.current_score(e.node, needed.scenario, needed.cell);
  for (const Score& s : e.scores)
    if (s.cell == needed.cell) return s.estimate.value;
  return {};
}

std::string missing_prerequisite(const Evaluation& e, const Database& database) {
  const Prerequisite& needed = e.scenario.spec->prerequisite;
  if (needed.empty()) return {};
  const std::string name = needed.scenario + (needed.cell.empty() ? "" : "/" + needed.cell);
  const auto value = prerequisite_score(e, database);
  if (!value) return fmt::format("not measurable here: {} is not measured", name);
  if (*value >= needed.minimum) return {};
  return fmt::format("not measurable here: {} is {:.3f}, below {:.2f}", name, *value,
                     needed.minimum);
}

// A model whose weights are no numbers, or overflow, has no scores.
void require_finite(const Evaluation& e, const NodeRecord& node) {
  for (size_t i = 0; i < e.items.size(); ++i) {
    const Prediction& p = e.predictions[i];
    const bool finite = std::isfinite(p.log_prob) && std::isfinite(p.answer_log_prob) &&
                        std::ranges::all_of(p.scores, [](double s) { return std::isfinite(s); });
    if (p.fits && !finite)
      throw Error(fmt::format("{}: the log-probability of an answer is {} ({}, item {}); wanted a "
                              "finite one",
                              node.name, p.log_prob, e.scenario.spec->name, e.items[i].id),
                  "the model's weights are not finite, or overflow; grow it again with a lower "
                  "optimizer.lr, or take them again from where they came from");
  }
}

// Returns the digest of the scenario as it was put.
std::string evaluate_one(LanguageModel& model, const NodeRecord& node, const Scenario& scenario,
                         Database& database, const EvaluateOptions& options) {
  const ScenarioSpec& spec = scenario.spec();
  Evaluation e;
  e.node = node.key;
  e.items = scenario.items(ItemSet::test, items_asked(scenario, model.tokenizer(), options));
  const auto pool = scenario.items(ItemSet::examples, spec.prompt.shots ? kPool : 0);
  const auto dev = scenario.items(ItemSet::dev, options.dev);
  e.scenario = {scenario_digest(spec, e.items, dev, pool, options.seed),
                scenario_revision(scenario), &spec, static_cast<int64_t>(e.items.size()),
                options.seed};
  if (!options.again && database.has(node.key, e.scenario)) return e.scenario.digest;

  TemplateChoice choice = choose_template(model, spec, dev, pool, options.seed);
  if (spec.chat_if_tuned && node.chats) choice.form = PromptSpec::Template::chat;
  e.prompt_template = choice.form, e.dev_raw = choice.raw, e.dev_chat = choice.chat;
  e.predictions = predict(model, e.items, pool, spec, e.prompt_template, options.seed);
  require_finite(e, node);
  if (spec.judge) spec.judge(e.items, e.predictions);
  e.scores = score(spec, e.items, e.predictions, dev);
  for (const AggregateMetric& m : spec.aggregates)
    e.aggregates.push_back(score(m, e.items, e.predictions));
  e.not_measurable = e.scores[0].n == 0 ? "not measurable here: no item fits the model's context"
                                        : missing_prerequisite(e, database);
  database.write(e);
  return e.scenario.digest;
}

}  // namespace

int64_t items_asked(const Scenario& scenario, const Tokenizer& tokenizer,
                    const EvaluateOptions& options) {
  if (options.n > 0) return options.n;
  if (options.tokens > 0) return items_within(scenario, tokenizer, options.tokens);
  return scenario.spec().n;
}

std::string scenario_digest(const ScenarioSpec& spec, std::span<const Instance> items,
                            std::span<const Instance> dev, std::span<const Instance> pool,
                            uint64_t seed) {
  const PromptSpec& p = spec.prompt;
  const auto number = [](auto value) { return std::to_string(static_cast<int64_t>(value)); };
  Digest d;
  d.field("lineage scenario 3")
      .field(spec.name)
      .field(number(spec.revision))
      .field(spec.metric.info.name)
      .field(number(seed));
  for (const std::string& s : {p.before_question, p.before_answer, p.answer_lead, p.after_answer,
                               p.raw_closing, p.chain_lead, p.chain_end, p.step_mark})
    d.field(s);
  add_part(d, p.instructions);
  add_part(d, p.raw_opening);
  d.field(number(p.method)).field(number(p.reasoning)).field(number(p.normalise));
  d.field(number(p.shots)).field(number(p.form)).field(number(p.samples)).field(number(p.vote));
  d.field(number(p.voters)).field(number(p.sampling.max_tokens)).field(number(p.sampling.top_k));
  d.field(fmt::format("{} {}", p.sampling.temperature, p.sampling.top_p));
  for (const std::string& s : p.sampling.stop) d.field(s);
  for (Token t : p.sampling.stop_tokens) d.field(number(t));
  // Every scenario was verbatim before there was a choice; its digest stays.
  if (p.match != PromptSpec::Match::verbatim) d.field("match " + number(p.match));
  if (p.length != PromptSpec::Length::sampled) d.field("length " + number(p.length));
  for (PromptSpec::Template t : spec.templates) d.field(number(t));
  if (spec.chat_if_tuned) d.field("chat if tuned");
  add_metric(d, spec.metric.info);
  for (const AggregateMetric& m : spec.aggregates) add_metric(d.field(m.name), m.metric);
  for (std::span<const Instance> set : {items, dev, pool}) {
    d.field(number(set.size()));
    for (const Instance& item : set) add_item(d, item);
  }
  return d.hex();
}

std::string scenario_revision(const Scenario& scenario) {
  // The items of a larger number begin as those of a smaller one, and a few identify the set.
  constexpr int64_t kFew = 8;
  const auto first = scenario.items(ItemSet::test, 1), dev = scenario.items(ItemSet::dev, kFew);
  return scenario_digest(scenario.spec(), first, dev, {}, 0);
}

std::vector<std::string> evaluate(LanguageModel& model, const NodeRecord& node,
                                  const ScenarioList& scenarios, Database& database,
                                  const EvaluateOptions& options, Progress& progress) {
  database.add_node(node);
  std::vector<std::string> digests;
  for (const auto& scenario : scenarios) {
    if (options.interrupted && options.interrupted()) return digests;
    progress.update("evaluating " + node.name,
                    static_cast<double>(digests.size()) / static_cast<double>(scenarios.size()),
                    scenario->spec().name);
    digests.push_back(evaluate_one(model, node, *scenario, database, options));
  }
  progress.update("evaluating " + node.name, 1, "");
  return digests;
}

}  // namespace lineage
