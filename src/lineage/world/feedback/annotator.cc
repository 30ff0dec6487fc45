#include "lineage/world/feedback/annotator.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace lineage {
namespace {

constexpr double kLikesATokenBy = 0.01, kStrictness = 0.5;
constexpr double kSame = 1e-9;  // utilities closer than this are equal

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double utility_for(Annotator who, const RatedAnswer& answer) {
  double u = answer.reading.utility();
  if (who == Annotator::verbose) u += kLikesATokenBy * static_cast<double>(answer.tokens);
  if (who == Annotator::strict)
    u += kStrictness * answer.reading.terms[enum_index(UtilityTerm::falsehood)];
  return u;
}

}  // namespace

std::vector<int> ranks_of(std::span<const double> u) {
  std::vector<int> ranks(u.size());
  for (size_t i = 0; i < u.size(); ++i) {
    std::vector<double> better;
    for (const double other : u)
      if (other > u[i] + kSame) better.push_back(other);
    std::ranges::sort(better);
    const auto end = std::unique(better.begin(), better.end(),
                                 [](double a, double b) { return std::abs(a - b) <= kSame; });
    ranks[i] = 1 + static_cast<int>(end - better.begin());
  }
  return ranks;
}

Annotators::Annotators(const LabelerConfig& config,
                       std::span<const std::vector<RatedAnswer>> prompts)
    : config_(config) {
  for (const std::vector<RatedAnswer>& answers : prompts) {
    std::array<std::vector<double>, kAnnotators> u;
    for (int who = 0; who < kAnnotators; ++who)
      u[who] = utilities(answers, static_cast<Annotator>(who));
    for (size_t a = 0; a < answers.size(); ++a)
      for (size_t b = a + 1; b < answers.size(); ++b) {
        std::array<double, kAnnotators> d{};
        for (int who = 0; who < kAnnotators; ++who) d[who] = u[who][a] - u[who][b];
        if (std::abs(d[0]) > kSame) differences_.push_back(d);
      }
  }
  if (config.agreement >= 1 || differences_.empty()) return;
  double low = 1e-3, high = 1e3;  // agreement falls with the noise
  for (int i = 0; i < 60; ++i) {
    const double middle = std::sqrt(low * high);
    (agreement_at(middle) > config.agreement ? low : high) = middle;
  }
  noise_ = std::sqrt(low * high);
}

double Annotators::agreement_at(double noise) const {
  if (differences_.empty()) return 1;
  double sum = 0;
  for (const auto& d : differences_) {
    // Two annotators at random, who may be alike but judge apart.
    double a = 0;
    for (const double x : d)
      a += (noise > 0 ? sigmoid(x / noise) : x > 0 ? 1 : x < 0 ? 0 : 0.5) / kAnnotators;
    sum += a * a + (1 - a) * (1 - a);
  }
  return sum / static_cast<double>(differences_.size());
}

std::vector<double> Annotators::utilities(std::span<const RatedAnswer> answers,
                                          Annotator who) const {
  std::vector<double> u;
  for (const RatedAnswer& a : answers)
    u.push_back(config_.by == LabelsBy::length ? static_cast<double>(a.tokens)
                                               : utility_for(who, a));
  return u;
}

std::vector<int> Annotators::rank(std::span<const RatedAnswer> answers, Annotator who,
                                  const Rng& key) const {
  std::vector<double> u = utilities(answers, who);
  if (config_.by == LabelsBy::permuted)
    for (size_t i = u.size(); i-- > 1;) std::swap(u[i], u[key.fold("swap").below(i + 1, i)]);
  // A Gumbel number for each utility: the order is then that of Plackett and Luce, and equal
  // utilities stay equal.
  std::map<int64_t, double> drawn;
  for (size_t i = 0; i < u.size(); ++i) {
    const auto value = static_cast<int64_t>(std::llround(u[i] / kSame));
    const double uniform = std::max(key.fold("noise").uniform_double(i), 1e-12);
    const auto [at, added] = drawn.try_emplace(value, -noise_ * std::log(-std::log(uniform)));
    u[i] += at->second;
  }
  return ranks_of(u);
}

std::vector<int> Annotators::rank(std::span<const RatedAnswer> answers, const Rng& key) const {
  return rank(answers, static_cast<Annotator>(key.fold("who").below(kAnnotators, 0)), key);
}

}  // namespace lineage
