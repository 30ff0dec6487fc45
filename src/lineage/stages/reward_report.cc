#include "lineage/stages/reward_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "lineage/rlhf/losses.h"

namespace lineage {
namespace {

using nlohmann::json;

// Pairs that a judge orders, and those in the right order; a tie counts half.
struct Accuracy {
  double right = 0, pairs = 0;
  void add(double difference) {
    right += difference > 0 ? 1 : difference == 0 ? 0.5 : 0;
    pairs += 1;
  }
  // With its 95 % interval (Wilson 1927), pairs taken as independent.
  json to_json() const {
    const double p = right / pairs, z = 1.96, n = pairs;
    const double middle = (p + z * z / (2 * n)) / (1 + z * z / n),
                 half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
    return {{"share", p}, {"low", middle - half}, {"high", middle + half}, {"pairs", pairs}};
  }
};

// The term in which the readings of two answers differ most.
std::string main_term(const AnswerReading& a, const AnswerReading& b) {
  size_t most = 0;
  for (size_t t = 0; t < a.terms.size(); ++t)
    if (std::abs(a.terms[t] - b.terms[t]) > std::abs(a.terms[most] - b.terms[most])) most = t;
  return std::string(enum_names(UtilityTerm())[most]);
}

// Tokens that the first has less than the second.
double less_tokens(const Comparison& c, size_t first, size_t second) {
  return static_cast<double>(std::ssize(c.answers[second]) - std::ssize(c.answers[first]));
}

// Of a judge that goes by length: where the shorter answer is the worse guess, the longer one is
// the better.
json by_length(Accuracy shorter) {
  shorter.right = std::max(shorter.right, shorter.pairs - shorter.right);
  return shorter.to_json();
}

json table(const std::map<std::string, Accuracy>& parts) {
  json out = json::object();
  for (const auto& [name, accuracy] : parts) out[name] = accuracy.to_json();
  return out;
}

constexpr int kBins = 10;  // of predicted probabilities, from .5 to 1

}  // namespace

json reward_report(const LabeledComparisons& data, const std::vector<std::vector<float>>& rewards) {
  constexpr double kSame = 1e-9;
  Accuracy labels, utility, shorter, shorter_by_labels;
  std::map<std::string, Accuracy> by_kind, by_term, shorter_by_kind;
  std::array<Accuracy, kBins> bins{};
  std::array<double, kBins> predicted{};
  for (size_t i = 0; i < rewards.size(); ++i) {
    const LabeledComparison& c = data.heldout[i];
    for (const RankedPair& p : ranked_pairs(c.comparison.ranks)) {
      const double difference = static_cast<double>(rewards[i][p.better]) - rewards[i][p.worse];
      labels.add(difference);
      shorter_by_labels.add(less_tokens(c.comparison, p.better, p.worse));
      const double sure = 1 / (1 + std::exp(-std::abs(difference)));
      const auto bin = std::min<size_t>(kBins - 1, static_cast<size_t>((sure - 0.5) * 2 * kBins));
      bins[bin].add(difference);
      predicted[bin] += sure;
    }
    for (size_t a = 0; a < c.readings.size(); ++a)
      for (size_t b = 0; b < c.readings.size(); ++b) {
        if (c.readings[a].utility() <= c.readings[b].utility() + kSame) continue;
        const double difference = static_cast<double>(rewards[i][a]) - rewards[i][b];
        utility.add(difference);
        by_kind[c.kind].add(difference);
        by_term[main_term(c.readings[a], c.readings[b])].add(difference);
        const double length = less_tokens(c.comparison, a, b);
        shorter.add(length);
        shorter_by_kind[c.kind].add(length);
      }
  }
  json out = {{"agreement", data.agreement}, {"noise", data.noise}};
  if (labels.pairs > 0) {
    out["labels"] = labels.to_json();
    out["length_only"] = by_length(shorter_by_labels);
  }
  if (utility.pairs > 0) {
    out["utility"] = utility.to_json();
    out["length_only"] = by_length(shorter);
    out["by_kind"] = table(by_kind);
    if (shorter.right < shorter.pairs / 2)  // one rule for every kind
      for (auto& [kind, accuracy] : shorter_by_kind)
        accuracy.right = accuracy.pairs - accuracy.right;
    out["length_only_by_kind"] = table(shorter_by_kind);
    out["by_term"] = table(by_term);
  }
  json calibration = json::array();
  for (size_t i = 0; i < kBins; ++i)
    if (bins[i].pairs > 0)
      calibration.push_back({{"predicted", predicted[i] / bins[i].pairs},
                             {"seen", bins[i].right / bins[i].pairs},
                             {"pairs", bins[i].pairs}});
  out["calibration"] = calibration;
  return out;
}

}  // namespace lineage
