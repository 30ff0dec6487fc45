#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lineage/base/config.h"

namespace lineage {

enum class GuardAction : uint8_t { skip, stop, ignore };
constexpr auto enum_names(GuardAction) {
  return std::array<std::string_view, 3>{"skip", "stop", "ignore"};
}

// The reaction to a diverging run. A step whose loss or gradient norm is not finite is skipped: its
// batch is dropped and nothing is updated (PaLM's rule for spikes; Chowdhery et al. 2022, section
// 5.1). A loss spike is a loss more than `spike_sigmas` deviations above the running mean.
struct GuardConfig {
  GuardAction non_finite = GuardAction::skip, spike = GuardAction::skip;
  double spike_sigmas = 8;
  int64_t max_skips = 5;  // in a row; then the run stops
};

template <class V>
void fields(V& v, GuardConfig& c) {
  v("non_finite", c.non_finite, "skip the step, stop, or ignore");
  v("spike", c.spike, "on a loss spike: skip the step, stop, or ignore");
  v("spike_sigmas", c.spike_sigmas, "a spike is a loss so many deviations above its running mean",
    from_above_to(0, 1e9));
  v("max_skips", c.max_skips, "the run stops after so many skipped steps in a row",
    between(0, 1e9));
}

// Watches the losses of a run. Every rank sees the same numbers and so decides the same.
class DivergenceGuard {
 public:
  // The running mean and variance of the loss, and the skips; saved with the training state.
  struct State {
    double mean = 0, variance = 0;
    int64_t seen = 0, skips_in_row = 0, skipped = 0;
  };

  DivergenceGuard(const GuardConfig& config, const State& state) : config_(config), state_(state) {}

  struct Verdict {
    bool update = true;
    std::string why;  // empty when nothing is wrong
  };
  // Judges a step before its update. Throws an Error when the rule is to stop, naming `place`.
  Verdict judge(const std::string& place, int64_t step, double loss, double grad_norm);
  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  GuardConfig config_;
  State state_;
};

}  // namespace lineage
