#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "lineage/eval/statistics.h"

namespace lineage {

// The training loss of each step, in order, from a node's metrics.jsonl (docs/formats.md). Empty
// where there is no such file; lines without a loss are skipped.
std::vector<double> training_losses(const std::filesystem::path& metrics);

// The share of steps whose loss lies `deviations` standard deviations or more above the mean of the
// `window` steps before: spike score (OLMo et al. 2025, "2 OLMo 2 Furious", there over 1,000
// steps). The first `window` steps, when the loss falls, are not judged; no estimate if none is
// left.
struct SpikeOptions {
  size_t window = 128;
  double deviations = 7;
};
Estimate spike_score(std::span<const double> losses, SpikeOptions = {});

}  // namespace lineage
