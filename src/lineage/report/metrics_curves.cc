#include "lineage/report/metrics_curves.h"

#include <cmath>
#include <map>

#include "lineage/checkpoint/metrics_file.h"

namespace lineage {
namespace {

// Means over `points` equal spans of tokens; a span without a point is left out.
ReportCurve thinned(const ReportCurve& curve, int points) {
  if (static_cast<int64_t>(curve.tokens.size()) <= points) return curve;
  ReportCurve result;
  const int64_t last = curve.tokens.back();
  size_t i = 0;
  for (int64_t span = 0; span < points; ++span) {
    const int64_t end = last * (span + 1) / points;
    double sum = 0;
    int64_t n = 0, at = 0;
    for (; i < curve.tokens.size() && curve.tokens[i] <= end; ++i, ++n) {
      sum += curve.values[i];
      at = curve.tokens[i];
    }
    if (n == 0) continue;
    result.tokens.push_back(at);
    result.values.push_back(sum / static_cast<double>(n));
  }
  return result;
}

}  // namespace

double rounded(double x) {
  constexpr double kFour = 1e4, kSmall = 0.1;
  const double size = std::abs(x);
  const double scale =
      size > 0 && size < kSmall ? std::pow(10, 2 - std::floor(std::log10(size))) : kFour;
  return std::isfinite(scale) ? std::round(x * scale) / scale : 0;
}

NodeMetrics read_metrics(const std::filesystem::path& file, int points) {
  NodeMetrics result;
  std::map<MetricName, ReportCurve> curves;
  double seconds = 0;
  int64_t before = 0;
  for (const MetricsLine& line : read_metrics_file(file)) {
    for (const auto& [name, value] : line.values) {
      ReportCurve& curve = curves[name];
      curve.tokens.push_back(line.tokens);
      curve.values.push_back(value);
    }
    if (!line.event.empty()) result.events.push_back({"", 0, line.step, line.event});
    if (const double rate = line.tokens_per_s.value_or(0); rate > 0) {
      seconds += static_cast<double>(line.tokens - before) / rate;
      before = line.tokens;
    }
  }
  for (const auto& [name, curve] : curves) {
    ReportCurve thin = thinned(curve, points);
    for (double& value : thin.values) value = rounded(value);
    thin.metric = name.metric;
    thin.heldout = name.heldout;
    thin.tag = name.part;
    result.curves.push_back(std::move(thin));
  }
  if (seconds > 0) result.seconds = seconds;
  return result;
}

}  // namespace lineage
