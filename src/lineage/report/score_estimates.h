#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lineage/report/report.h"
#include "lineage/report/score_rows.h"
#include "lineage/report/seeds.h"

namespace lineage {

// The answers of one node to one scenario or a cell of it, by seed; null for a seed without any.
struct NodeAnswers {
  std::vector<const RecordedScore*> rows;
  std::vector<const ItemScores*> items;
};

// Over seeds and items, with intervals that end where the metric does. None: no seed has a score.
// The caller sets `node`, `ability` and the comparison with chance.
std::optional<ReportScore> combined_score(const NodeAnswers&, const std::string& cell,
                                          const MetricInfo&);

// Whether the score's interval reaches the row's chance.
bool at_chance(const ReportAbility&, const Interval& score);
// The score's place between chance (or else the worst score) and the best score, -1 to 1; 0 if both
// are shown as the same number. None if the metric has no best or no worst score.
std::optional<double> skill_of(const ReportAbility&, const MetricInfo&, double score);

// The child against the parent, paired by item and seed. None: they share no item. The caller sets
// the names.
std::optional<ReportContrast> paired_contrast(const NodeAnswers& child, const NodeAnswers& parent,
                                              const std::string& cell, const MetricInfo&);

}  // namespace lineage
