#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lineage {

// The values that a metric can take, which decide the kind of its mean's interval.
enum class MetricKind : uint8_t {
  share,       // in [0, 1]: right or wrong, a probability
  amount,      // from 0 up: words, nats of divergence
  difference,  // in [-1, 1], of two shares
  real         // any: log-odds, nats a token
};

struct MetricRange {
  double low = 0, high = 1;  // may be infinite
  bool operator==(const MetricRange&) const = default;
};
MetricRange metric_range(MetricKind);

// The good values of a metric.
enum class Better : uint8_t {
  higher,
  lower,
  nearest,  // to MetricInfo::target
  neither   // the metric describes a model without judging it: words an answer
};

// The meaning of a number, for any model and items. Stored beside every score, so that a report
// judges a value without knowing the metric.
struct MetricInfo {
  std::string name;  // "exact match"
  MetricKind kind = MetricKind::share;
  std::string unit = {};  // "words"; empty: a pure number
  Better better = Better::higher;
  double target = 0;       // of Better::nearest, in the metric's range
  bool has_chance = true;  // a model that does not read the question has a score above 0
  MetricRange range() const { return metric_range(kind); }
};

// How much better `to` is than `from`, in the metric's unit: positive for an improvement. Where no
// direction is better, the plain difference.
double improvement(const MetricInfo&, double from, double to);

// Their words in scores.sqlite and report.json; none for any other word.
std::string_view metric_kind_name(MetricKind);
std::optional<MetricKind> metric_kind(std::string_view name);
std::string_view better_name(Better);
std::optional<Better> better(std::string_view name);

}  // namespace lineage
