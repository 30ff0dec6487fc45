#include "lineage/train/divergence_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lineage/base/error.h"

namespace lineage {
namespace {

constexpr double kMemory = 0.98;  // of the running mean: about fifty steps
constexpr int64_t kWarmup = 50;   // steps before a spike differs from a beginning
constexpr double kSmallest =
    0.02;  // floor, nats, so that a very smooth loss does not turn noise into spikes

}  // namespace

DivergenceGuard::Verdict DivergenceGuard::judge(const std::string& place, int64_t step, double loss,
                                                double grad_norm) {
  GuardAction action = GuardAction::ignore;
  std::string why;
  const double deviation = std::max(kSmallest, std::sqrt(state_.variance));
  if (!std::isfinite(loss) || !std::isfinite(grad_norm)) {
    action = config_.non_finite;
    why = fmt::format("loss {} and gradient norm {} are not both finite", loss, grad_norm);
  } else if (state_.seen >= kWarmup && loss > state_.mean + config_.spike_sigmas * deviation) {
    action = config_.spike;
    why = fmt::format("loss {:.4f} is a spike: {:.1f} deviations above its mean {:.4f}", loss,
                      (loss - state_.mean) / deviation, state_.mean);
  }
  const auto stop = [&](const std::string& reason) {
    throw Error(fmt::format("{}: diverged at step {}: {}; {}", place, step, why, reason),
                "the last good state is kept; lower optimizer.lr or lengthen "
                "schedule.warmup_tokens, and grow again");
  };
  if (action == GuardAction::stop) stop("wanted a finite, steady loss");
  if (action == GuardAction::skip) {
    ++state_.skipped;
    if (++state_.skips_in_row > config_.max_skips)
      stop(fmt::format("that is {} skipped steps in a row", state_.skips_in_row));
    return {false, why + "; step skipped"};
  }
  state_.skips_in_row = 0;
  if (std::isfinite(loss)) {
    const double memory =
        state_.seen < kWarmup ? 1 - 1 / static_cast<double>(state_.seen + 1) : kMemory;
    const double delta = loss - state_.mean;
    state_.mean += (1 - memory) * delta;
    state_.variance = memory * (state_.variance + (1 - memory) * delta * delta);
    ++state_.seen;
  }
  return {true, why};
}

}  // namespace lineage
