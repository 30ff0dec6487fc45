#include "lineage/eval/metric_info.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lineage/base/enum_index.h"

namespace lineage {
namespace {

constexpr std::array<std::string_view, 4> kKinds = {"share", "amount", "difference", "real"};
constexpr std::array<std::string_view, 4> kBetter = {"higher", "lower", "nearest", "neither"};

template <class Enum, size_t N>
std::optional<Enum> value_of(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto at = std::ranges::find(names, name);
  if (at == names.end()) return {};
  return static_cast<Enum>(at - names.begin());
}

}  // namespace

MetricRange metric_range(MetricKind kind) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (kind) {
    case MetricKind::share:
      return {0, 1};
    case MetricKind::amount:
      return {0, kInfinity};
    case MetricKind::difference:
      return {-1, 1};
    case MetricKind::real:
      return {-kInfinity, kInfinity};
  }
  return {};
}

double improvement(const MetricInfo& metric, double from, double to) {
  switch (metric.better) {
    case Better::lower:
      return from - to;
    case Better::nearest:
      return std::abs(from - metric.target) - std::abs(to - metric.target);
    case Better::higher:
    case Better::neither:
      break;
  }
  return to - from;
}

std::string_view metric_kind_name(MetricKind kind) { return kKinds[enum_index(kind)]; }
std::optional<MetricKind> metric_kind(std::string_view name) {
  return value_of<MetricKind>(kKinds, name);
}
std::string_view better_name(Better b) { return kBetter[enum_index(b)]; }
std::optional<Better> better(std::string_view name) { return value_of<Better>(kBetter, name); }

}  // namespace lineage
