#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "lineage/trace/report.h"

namespace lineage {

// What a node's metrics.jsonl tells. Node and seed of the curves are the caller's to set.
struct NodeMetrics {
  std::vector<ReportCurve> curves;  // all tokens, then tags by name; then held out likewise
  std::optional<double> seconds;    // of training: the sum over steps of tokens / (tokens a second)
};

// "loss" and "loss/TAG" are curves of the training loss, "heldout_loss" and "heldout_loss/TAG" of
// the held-out one. A curve of more than `points` points is averaged over as many equal spans of
// tokens. A last line that was cut off is left out; any other bad line is an Error with its number.
// No file: no curves.
NodeMetrics read_metrics(const std::filesystem::path& file, int points = 200);

}  // namespace lineage
