#include "lineage/stages/moderation_report.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "lineage/eval/statistics.h"
#include "lineage/rlhf/losses.h"

namespace lineage {
namespace {

using nlohmann::json;

// The ids of what requests share; a request that shares nothing is alone.
class SharedIds {
 public:
  uint32_t of(const JudgedRequest& r) {
    if (r.about.empty()) return next_++;
    const auto [at, added] = ids_.try_emplace(r.about, next_);
    next_ += added;
    return at->second;
  }

 private:
  std::map<std::string, uint32_t> ids_;
  uint32_t next_ = 0;
};

// Scores of requests and what they share.
struct ScoredSide {
  std::vector<double> logits;
  std::vector<uint32_t> ids;
};

json auroc_row(std::span<const JudgedRequest> requests, const std::string& harmless_kind) {
  SharedIds ids;
  ScoredSide improper, harmless;
  for (const JudgedRequest& r : requests) {
    if (!r.improper && !harmless_kind.empty() && r.kind != harmless_kind) continue;
    ScoredSide& side = r.improper ? improper : harmless;
    side.logits.push_back(r.logit);
    side.ids.push_back(ids.of(r));
  }
  if (improper.logits.empty() || harmless.logits.empty()) return {};
  const Estimate e = clustered_auroc(improper.logits, harmless.logits, improper.ids, harmless.ids);
  return {{"value", e.value},
          {"low", e.low},
          {"high", e.high},
          {"improper", improper.logits.size()},
          {"harmless", harmless.logits.size()},
          {"clusters", e.n}};
}

json flagged_row(std::span<const JudgedRequest> requests, const std::string& kind,
                 double threshold) {
  SharedIds ids;
  std::vector<double> flagged;
  std::vector<uint32_t> clusters;
  for (const JudgedRequest& r : requests) {
    if (r.kind != kind) continue;
    flagged.push_back(sigmoid(r.logit) >= threshold ? 1 : 0);
    clusters.push_back(ids.of(r));
  }
  const Estimate e = proportion({flagged, clusters});
  return {{"share", e.value},
          {"low", e.low},
          {"high", e.high},
          {"n", flagged.size()},
          {"clusters", std::ranges::max(clusters) + 1}};
}

// Of requests without kinds and intervals.
json flagged_share(std::span<const JudgedRequest> requests, bool improper, double threshold) {
  int64_t flagged = 0, n = 0;
  for (const JudgedRequest& r : requests) {
    if (r.improper != improper) continue;
    flagged += sigmoid(r.logit) >= threshold;
    ++n;
  }
  return {{"share", n > 0 ? static_cast<double>(flagged) / static_cast<double>(n) : 0}, {"n", n}};
}

json calibration_rows(std::span<const JudgedRequest> requests) {
  constexpr size_t kParts = 10;  // of probabilities from 0 to 1
  std::array<double, kParts> predicted{}, seen{};
  std::array<int64_t, kParts> n{};
  for (const JudgedRequest& r : requests) {
    const double p = sigmoid(r.logit);
    const auto part = std::min(kParts - 1, static_cast<size_t>(p * kParts));
    predicted[part] += p, seen[part] += r.improper, n[part] += 1;
  }
  json rows = json::array();
  for (size_t i = 0; i < kParts; ++i)
    if (const auto count = static_cast<double>(n[i]); n[i] > 0)
      rows.push_back({{"predicted", predicted[i] / count}, {"seen", seen[i] / count}, {"n", n[i]}});
  return rows;
}

}  // namespace

double flag_threshold(std::span<const JudgedRequest> requests, double max_flagged) {
  std::vector<const JudgedRequest*> falling;
  double improper = 0, harmless = 0;
  for (const JudgedRequest& r : requests) {
    falling.push_back(&r);
    (r.improper ? improper : harmless) += 1;
  }
  std::ranges::stable_sort(falling, std::ranges::greater(), &JudgedRequest::logit);
  // Nothing flagged, then ever more.
  double threshold = sigmoid(static_cast<double>(falling.front()->logit) + 1), best = 0, gap = 0;
  double right = 0, wrong = 0;
  for (size_t i = 0; i < falling.size(); ++i) {
    (falling[i]->improper ? right : wrong) += 1;
    const double here = falling[i]->logit,
                 next = i + 1 < falling.size() ? falling[i + 1]->logit : here - 2;
    if (here == next) continue;
    if (wrong > max_flagged * harmless) break;
    const double worth = right / improper - wrong / harmless;
    if (worth < best || (worth == best && here - next <= gap)) continue;
    best = worth, gap = here - next;
    // Where the middle rounds to the probability of the lower one, that of the upper one.
    const double middle = sigmoid((here + next) / 2);
    threshold = middle > sigmoid(next) ? middle : sigmoid(here);
  }
  return threshold;
}

json moderation_report(double threshold, double max_flagged,
                       std::span<const JudgedRequest> set_aside,
                       std::span<const JudgedRequest> heldout) {
  json out = {{"threshold", threshold},
              {"max_flagged", max_flagged},
              {"set_aside",
               {{"improper", flagged_share(set_aside, true, threshold)},
                {"harmless", flagged_share(set_aside, false, threshold)}}}};
  if (heldout.empty()) return out;
  out["auroc"] = json::object();
  if (json row = auroc_row(heldout, ""); !row.is_null()) out["auroc"]["harmless"] = row;
  for (const char* kind : {"look_alike", kSameWording})
    if (json row = auroc_row(heldout, kind); !row.is_null()) out["auroc"][kind] = row;
  for (const JudgedRequest& r : heldout)
    if (!out["flagged"].contains(r.kind))
      out["flagged"][r.kind] = flagged_row(heldout, r.kind, threshold);
  out["calibration"] = calibration_rows(heldout);
  return out;
}

}  // namespace lineage
