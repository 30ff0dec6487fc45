#include "lineage/abilities/ability.h"
#include "lineage/abilities/ids.h"

namespace lineage {
namespace {

// Answers after four demonstrations less those without any, over A07 and A08.
std::optional<DerivedScore::Value> gap(const NodeAnswers& node) {
  const std::pair<std::string, std::string> compared[] = {
      {kKnownTasks, with_shots(kKnownTasks, 0)}, {with_shots(kTrainedTypes, 4), kTrainedTypes}};
  std::vector<Measured> parts;
  for (const auto& [few, none] : compared) {
    const ScenarioAnswers *with = node.own(few), *without = node.own(none);
    const auto part = with && without ? mean_score(*with, without) : std::nullopt;
    if (!part) return {};
    parts.push_back(*part);
  }
  return DerivedScore::Value{mean_score(parts)};
}

}  // namespace

AbilityDefinition a15_demonstrations() {
  MetricInfo metric = difference_metric();
  metric.has_chance = true;  // no difference
  return {.id = "A15",
          .derived = {{.name = "A15.gap",
                       .title = "four demonstrations less none",
                       .metric = metric,
                       .about = {.measures = "The share of right answers after four worked "
                                             "examples, less the share without any, over the tasks "
                                             "of A07 and A08.",
                                 .chance = "No difference: 0.",
                                 .low = "Below 0 the examples do harm: the model is right more "
                                        "often without them."},
                       .items = kKnownTasks,
                       .compute = gap}}};
}

}  // namespace lineage
