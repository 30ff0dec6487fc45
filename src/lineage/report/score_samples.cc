#include "lineage/report/score_samples.h"

#include <algorithm>
#include <cmath>

namespace lineage {
namespace {

constexpr size_t kSamplesAnAbility = 3;

struct Asked {
  ReportSample sample;
  std::vector<double> got;
};

// Great where some did well and others badly.
double spread(const Asked& asked) {
  const auto [low, high] = std::ranges::minmax(asked.got);
  double sum = 0;
  for (const double g : asked.got) sum += g;
  const double mean = sum / static_cast<double>(asked.got.size());
  return (mean - low) * (high - mean);
}

}  // namespace

std::vector<ReportSample> telling_samples(const std::string& row,
                                          const std::vector<RecordedAnswer>& answers,
                                          const std::map<std::string, std::string>& nodes) {
  std::vector<Asked> asked;
  std::map<std::string, size_t> place;  // by item
  for (const RecordedAnswer& a : answers) {
    const auto node = nodes.find(a.node);
    if (node == nodes.end()) continue;
    const auto [at, fresh] = place.try_emplace(a.item, asked.size());
    if (fresh) asked.push_back({{row, a.prompt, a.wanted, {}}, {}});
    const bool scored = !std::isnan(a.score);
    asked[at->second].sample.answers.push_back(
        {node->second, a.output, scored ? std::optional(a.score >= 1) : std::nullopt});
    asked[at->second].got.push_back(scored ? a.score : 0);
  }
  std::ranges::stable_sort(asked, std::greater(), spread);
  std::vector<ReportSample> samples;
  for (size_t i = 0; i < std::min(asked.size(), kSamplesAnAbility); ++i)
    samples.push_back(std::move(asked[i].sample));
  return samples;
}

}  // namespace lineage
