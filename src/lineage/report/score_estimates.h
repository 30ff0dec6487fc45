#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lineage/report/report.h"
#include "lineage/report/score_rows.h"
#include "lineage/report/seeds.h"

namespace lineage {

// The answers of one node to one scenario or a cell of it; both by seed, null where there are none.
struct NodeAnswers {
  std::vector<const RecordedScore*> rows;
  std::vector<const ItemScores*> items;
};

// Over seeds and items, with intervals that end where the metric does. None: no seed has a score.
// `node`, `ability`, and the comparison with chance are the caller's to set.
std::optional<ReportScore> combined_score(const NodeAnswers&, const std::string& cell,
                                          const MetricInfo&);

// Whether the score's interval reaches the row's chance.
bool at_chance(const ReportAbility&, const Interval& score);
// The way from chance (where there is none, from the worst score) to the best score, -1 to 1; 0
// where both are shown as the same number. None where the metric has no best or no worst score.
std::optional<double> skill_of(const ReportAbility&, const MetricInfo&, double score);

// The child against the parent, paired by item and seed. None: they share no item. Names are the
// caller's to set.
std::optional<ReportContrast> paired_contrast(const NodeAnswers& child, const NodeAnswers& parent,
                                              const std::string& cell, const MetricInfo&);

}  // namespace lineage
