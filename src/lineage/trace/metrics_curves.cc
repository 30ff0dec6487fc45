#include "lineage/trace/metrics_curves.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/base/file.h"

namespace lineage {
namespace {

using CurveKey = std::pair<bool, std::string>;  // held out, tag

std::optional<CurveKey> curve_of(const std::string& key) {
  for (const auto& [name, heldout] : {std::pair("loss", false), std::pair("heldout_loss", true)}) {
    if (key == name) return CurveKey{heldout, ""};
    if (key.starts_with(std::string(name) + "/"))
      return CurveKey{heldout, key.substr(std::string_view(name).size() + 1)};
  }
  return std::nullopt;
}

double rounded(double x) {
  constexpr double kDigits = 1e4;
  return std::round(x * kDigits) / kDigits;
}

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
      sum += curve.loss[i];
      at = curve.tokens[i];
    }
    if (n == 0) continue;
    result.tokens.push_back(at);
    result.loss.push_back(sum / static_cast<double>(n));
  }
  return result;
}

}  // namespace

NodeMetrics read_metrics(const std::filesystem::path& file, int points) {
  NodeMetrics result;
  if (!std::filesystem::exists(file)) return result;
  const std::string text = read_file(file);
  std::map<CurveKey, ReportCurve> curves;
  double seconds = 0;
  int64_t number = 0, before = 0;
  for (size_t at = 0; at < text.size();) {
    ++number;
    const size_t end = text.find('\n', at);
    const bool whole = end != std::string::npos;
    const std::string line = text.substr(at, whole ? end - at : std::string::npos);
    at = whole ? end + 1 : text.size();
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("tokens") || !json["tokens"].is_number_integer()) {
      if (!whole) break;  // the run was ended while it wrote
      throw Error(fmt::format("{}:{}: no JSON object with tokens; wanted a line of metrics",
                              file.string(), number));
    }
    const int64_t tokens = json["tokens"];
    for (const auto& [key, value] : json.items()) {
      const auto name = curve_of(key);
      if (!name || !value.is_number()) continue;
      ReportCurve& curve = curves[*name];
      curve.tokens.push_back(tokens);
      curve.loss.push_back(value);
    }
    if (const double rate = json.value("tokens_per_s", 0.0); rate > 0) {
      seconds += static_cast<double>(tokens - before) / rate;
      before = tokens;
    }
  }
  for (const auto& [key, curve] : curves) {
    ReportCurve thin = thinned(curve, points);
    for (double& loss : thin.loss) loss = rounded(loss);
    thin.heldout = key.first;
    thin.tag = key.second;
    result.curves.push_back(std::move(thin));
  }
  if (seconds > 0) result.seconds = seconds;
  return result;
}

}  // namespace lineage
