#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lineage/trace/report.h"
#include "lineage/trace/score_rows.h"
#include "lineage/trace/seeds.h"

namespace lineage {

// Whether a metric says how well something is done, so that there is a chance of doing it.
bool has_chance(const std::string& metric);

// What one node got in one scenario or cell of it; both by seed, null where it was not asked.
struct NodeAnswers {
  std::vector<const RecordedScore*> rows;
  std::vector<const ItemScores*> items;
};

// Over seeds and items, with intervals that end where the metric does. None: no seed was asked.
// `node` and `ability` are left open.
std::optional<ReportScore> combined_score(const NodeAnswers&, const std::string& cell,
                                          const MetricRange&);

// The child against the parent, paired by item and seed. None: they share no item. Names are left
// open.
std::optional<ReportContrast> paired_contrast(const NodeAnswers& child, const NodeAnswers& parent,
                                              const std::string& cell);

}  // namespace lineage
