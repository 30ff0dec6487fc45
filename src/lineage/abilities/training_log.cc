#include "lineage/abilities/training_log.h"

#include <cmath>

#include "lineage/checkpoint/metrics_file.h"

namespace lineage {

std::vector<double> training_losses(const std::filesystem::path& metrics) {
  std::vector<double> losses;
  for (const MetricsLine& line : read_metrics_file(metrics))
    if (const auto loss = line.values.find({"loss"}); loss != line.values.end())
      losses.push_back(loss->second);
  return losses;
}

Estimate spike_score(std::span<const double> losses, SpikeOptions o) {
  std::vector<double> spikes;
  for (size_t i = o.window; i < losses.size(); ++i) {
    const auto before = losses.subspan(i - o.window, o.window);
    const double average = mean({before});
    double squares = 0;
    for (double loss : before) squares += (loss - average) * (loss - average);
    const double deviation = std::sqrt(squares / static_cast<double>(o.window));
    spikes.push_back(losses[i] >= average + o.deviations * deviation && losses[i] > average);
  }
  return spikes.empty() ? Estimate{} : proportion({spikes});
}

}  // namespace lineage
