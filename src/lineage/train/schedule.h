#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"

namespace lineage {

enum class ScheduleKind : uint8_t { constant, linear, cosine, wsd };
constexpr auto enum_names(ScheduleKind) {
  return std::array<std::string_view, 4>{"constant", "linear", "cosine", "wsd"};
}

// The factor on the peak learning rate, over the tokens seen. After the warm-up `linear` and
// `cosine` fall to `final` over `decay_tokens` and stay there (GPT-3: cosine to 10 % over 260B
// tokens, then constant; Brown et al. 2020, appendix B). `wsd` stays at the peak and falls to
// `final` over the last `decay_tokens` of the run (warmup-stable-decay; Hu et al. 2024, MiniCPM).
struct ScheduleConfig {
  ScheduleKind kind = ScheduleKind::cosine;
  int64_t warmup_tokens = 0;
  int64_t decay_tokens = 0;  // 0: to the end of the run; of wsd a fifth of the run
  double final = 0.1;
};

template <class V>
void fields(V& v, ScheduleConfig& c) {
  v("kind", c.kind, "constant, linear, cosine or wsd (warmup-stable-decay)");
  v("warmup_tokens", c.warmup_tokens, "linear warm-up from 0 over these tokens", between(0, 1e15));
  v("decay_tokens", c.decay_tokens,
    "tokens over which the rate falls; 0: to the end of the run (wsd: its last fifth)",
    between(0, 1e15));
  v("final", c.final, "share of the peak at the end of the decay", between(0, 1));
}

// In [0, 1], for the update after `tokens` of `total` (those of this step included, so that the
// first step of a warm-up is not idle).
double lr_scale(const ScheduleConfig&, int64_t tokens, int64_t total);

struct RowRange {
  int64_t first = 0, count = 0;
};

// The rows that each step trains on, a function of the step alone. The batch grows linearly with
// the tokens seen, from `ramp_from` to `rows` (GPT-3's ramp).
class BatchPlan {
 public:
  // `total_rows` of the run, `rows` of a full batch; the ramp ends after `ramp_rows` rows. An Error
  // for a ramp of millions of steps.
  BatchPlan(int64_t total_rows, int64_t rows, int64_t ramp_from = 0, int64_t ramp_rows = 0);
  int64_t steps() const { return steps_; }
  int64_t first_row(int64_t step) const;  // for steps(): the end of the run
  int64_t rows(int64_t step) const { return first_row(step + 1) - first_row(step); }
  RowRange range(int64_t step) const { return {first_row(step), rows(step)}; }
  int64_t all_rows() const { return total_rows_; }

 private:
  int64_t total_rows_, rows_, steps_;
  std::vector<int64_t> first_;  // of each step of the ramp, and the first after it
};

// One rank's part of a step's rows, in pieces of at most `most` (at least one) rows. The ranks'
// parts are contiguous and nearly equal.
std::vector<RowRange> micro_batches(const RowRange& step, int64_t most, int rank, int ranks);

}  // namespace lineage
