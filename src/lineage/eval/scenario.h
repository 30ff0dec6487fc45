#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lineage/eval/explanation.h"
#include "lineage/eval/instance.h"
#include "lineage/eval/metric_info.h"
#include "lineage/eval/prediction.h"
#include "lineage/eval/prompt_spec.h"
#include "lineage/eval/statistics.h"

namespace lineage {

// The score of one item; a scenario's score is its mean.
struct ItemMetric {
  MetricInfo info;
  std::function<double(const Instance&, const Prediction&)> score;
  bool open = false;  // counts answers beside those that the item lists
};

// A number computed from some items. `log_likelihood` is the mean log_prob, or has n = 0.
struct Measured {
  Estimate estimate, log_likelihood = {};
  double chance = 0;
};

// A further number from the predictions of a scenario, which need not be a mean over items: AUROC,
// Youden's J, pass@10. It has score rows of its own, under its name.
struct AggregateMetric {
  std::string name;  // like a scenario's: "A12.quantity.chain.steps"
  std::string title;
  MetricInfo metric;
  bool by_cell = true;          // else over all items only
  std::string ability = {};     // the ability it counts for; empty: the scenario's
  bool own_row = false;         // else it is shown below parent_row
  std::string parent_row = {};  // empty: the scenario's, or the scenario itself
  Explanation about = {};       // of a row of its own
  // Over items that all fit; none if the number is undefined for them (one class only).
  std::function<std::optional<Measured>(std::span<const Instance>, std::span<const Prediction>)>
      compute = nullptr;
};

// Examples are for demonstrations, dev for choosing a template, test for the score. No item is in
// two of them.
enum class ItemSet : uint8_t { examples, dev, test };

// A scenario is not measurable unless the model has at least this score in another one.
struct Prerequisite {
  std::string scenario, cell;
  double minimum = 0;
  bool empty() const { return scenario.empty(); }
};

struct ScenarioSpec {
  std::string name;     // "A05.binding.k4"
  std::string ability;  // "A05"
  std::string title;
  // The row of a report below which this one is shown; empty: a row of its own, which counts for
  // the ability.
  std::string parent_row = {};
  Explanation about = {};         // of a row of its own
  std::string condition_of = {};  // the scenario that this one repeats with other demonstrations
  ItemMetric metric;
  PromptSpec prompt;
  std::vector<PromptSpec::Template> templates = {PromptSpec::Template::raw};  // the better on dev
  // Models that are tuned on conversations are asked in the chat template, whichever is better:
  // what is measured is what their tuning changed.
  bool chat_if_tuned = false;
  int64_t n = 0;  // test items by default
  Prerequisite prerequisite = {};
  std::vector<AggregateMetric> aggregates = {};
  // Called before the metrics, for graders that judge many outputs in less time than one by one.
  std::function<void(std::span<const Instance>, std::span<const Prediction>)> judge = nullptr;
  // The database keeps the scores of all choices, from which a derived score is computed.
  bool keeps_choices = false;
  // Counts the changes of the graders: of `metric`, `aggregates`, an instance's `grade` and
  // `annotate`. A higher number makes it another scenario, which is measured again.
  int revision = 0;
};

// A question set. Knows nothing of models.
class Scenario {
 public:
  explicit Scenario(ScenarioSpec spec) : spec_(std::move(spec)) {}
  virtual ~Scenario() = default;
  const ScenarioSpec& spec() const { return spec_; }
  // Up to n items of a set, always the same and in the same order: the first n of them.
  virtual std::vector<Instance> items(ItemSet, int64_t n) const = 0;

 protected:
  ScenarioSpec spec_;
};

}  // namespace lineage
