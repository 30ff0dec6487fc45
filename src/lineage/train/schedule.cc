#include "lineage/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lineage/base/error.h"

namespace lineage {

double schedule_share(const ScheduleConfig& c, int64_t tokens, int64_t total) {
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

BatchPlan::BatchPlan(int64_t total_rows, int64_t rows, int64_t ramp_from, int64_t ramp_rows)
    : first_{0} {
  require(rows >= 1, "batch: ", rows, " rows a step; wanted at least 1");
  while (first_.back() < total_rows) {
    const int64_t at = first_.back();
    int64_t now = rows;
    if (at < ramp_rows)
      now = ramp_from +
            static_cast<int64_t>(static_cast<double>(rows - ramp_from) * static_cast<double>(at) /
                                 static_cast<double>(ramp_rows));
    first_.push_back(std::min(total_rows, at + std::max<int64_t>(1, now)));
  }
}

}  // namespace lineage
