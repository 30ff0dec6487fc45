#include "lineage/eval/training_log.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace lineage {

std::vector<double> training_losses(const std::filesystem::path& metrics) {
  std::ifstream in(metrics);
  std::vector<double> losses;
  for (std::string line; std::getline(in, line);) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object()) continue;
    if (const auto loss = entry.find("loss"); loss != entry.end() && loss->is_number())
      losses.push_back(loss->get<double>());
  }
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
