#pragma once

#include <cstdint>

// The losses of one row of logits over V tokens; every sum in a fixed order.
namespace lineage {

// lse(logits) - logits[target]. `dlogits`, if given, receives scale (softmax(logits) - onehot); it
// may be `logits`.
double cross_entropy_row(float* dlogits, const float* logits, int64_t size, int64_t target,
                         float scale);

// With z = logits·inv_temperature.
struct LogProb {
  float log_prob, entropy, lse;
};
LogProb log_prob_row(const float* logits, int64_t size, int64_t target, float inv_temperature);

// dlogits (=, or += when accumulating) inv_temperature (dlog_prob (onehot - p)
//                                                        - dentropy p (log p + entropy)).
struct LogProbGrad {
  float dlog_prob, dentropy, entropy, lse;
};
void log_prob_row_backward(float* dlogits, bool accumulate, const float* logits, int64_t size,
                           int64_t target, float inv_temperature, const LogProbGrad&);

}  // namespace lineage
