#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "lineage/report/report.h"

namespace lineage {

// The content of a node's metrics.jsonl. The caller sets node and seed.
struct NodeMetrics {
  std::vector<ReportCurve> curves;  // by metric; of training, then held out; by tag
  std::vector<ReportEvent> events;
  std::optional<double> seconds;  // of training: the sum over steps of tokens / (tokens a second)
};

// Every value of the file is a curve. Longer ones are averaged over `points` equal spans of tokens.
// No file: no curves.
NodeMetrics read_metrics(const std::filesystem::path& file, int points = 200);

// The digits that a reader can use: four decimals, and below .1 three significant digits.
double rounded(double);

}  // namespace lineage
