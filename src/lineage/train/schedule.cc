#include "lineage/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lineage/base/error.h"

namespace lineage {

double lr_scale(const ScheduleConfig& c, int64_t tokens, int64_t total) {
  if (tokens < c.warmup_tokens)
    return static_cast<double>(tokens) / static_cast<double>(c.warmup_tokens);
  if (c.kind == ScheduleKind::constant) return 1;
  const bool wsd = c.kind == ScheduleKind::wsd;
  int64_t begin = c.warmup_tokens, length = total - c.warmup_tokens;
  if (wsd) {
    length = std::min(length, c.decay_tokens ? c.decay_tokens : total / 5);
    begin = total - length;
  } else if (c.decay_tokens) {
    length = c.decay_tokens;
  }
  if (length <= 0) return 1;
  const double x =
      std::clamp(static_cast<double>(tokens - begin) / static_cast<double>(length), 0.0, 1.0);
  const double fallen =
      c.kind == ScheduleKind::cosine ? (1 - std::cos(std::numbers::pi * x)) / 2 : x;
  return 1 - (1 - c.final) * fallen;
}

// Only the ramp's steps are kept: a run may have more of the others than memory has room for.
BatchPlan::BatchPlan(int64_t total_rows, int64_t rows, int64_t ramp_from, int64_t ramp_rows)
    : total_rows_(total_rows), rows_(rows), first_{0} {
  constexpr size_t kMostOfRamp = 10'000'000;
  require(rows >= 1, "batch: ", rows, " rows a step; wanted at least 1");
  while (first_.back() < std::min(total_rows, ramp_rows)) {
    const int64_t at = first_.back();
    const int64_t now =
        ramp_from + static_cast<int64_t>(static_cast<double>(rows - ramp_from) *
                                         static_cast<double>(at) / static_cast<double>(ramp_rows));
    first_.push_back(std::min(total_rows, at + std::max<int64_t>(1, now)));
    require(first_.size() <= kMostOfRamp, "batch: a ramp over ", ramp_rows, " rows from ",
            ramp_from, " a step has over ", kMostOfRamp, " steps; wanted fewer");
  }
  const int64_t flat = total_rows - first_.back();
  steps_ = static_cast<int64_t>(first_.size()) - 1 + flat / rows + (flat % rows > 0);
}

int64_t BatchPlan::first_row(int64_t step) const {
  const auto ramp = static_cast<int64_t>(first_.size()) - 1;
  if (step <= ramp) return first_[step];
  return step >= steps_ ? total_rows_ : first_.back() + (step - ramp) * rows_;
}

std::vector<RowRange> micro_batches(const RowRange& step, int64_t most, int rank, int ranks) {
  const int64_t end = step.first + step.count * (rank + 1) / ranks;
  std::vector<RowRange> parts;
  for (int64_t at = step.first + step.count * rank / ranks; at < end;) {
    const int64_t count = std::min(std::max<int64_t>(1, most), end - at);
    parts.push_back({at, count});
    at += count;
  }
  return parts;
}

}  // namespace lineage
