#pragma once

#include "lineage/kernels/kernels.h"

// The losses over given logits(rows,V), for the whole matrix or a chunk of its rows.
namespace lineage {

// What each row's loss is taken of, and the weight of the whole step.
struct CrossEntropyTargets {
  const int32_t* targets;
  const float* weights;
  float total_weight;
};
// The sum of weights·losses over total_weight. `dlogits`, if given, may be `logits`.
double cross_entropy_rows(float* dlogits, const float* logits, int64_t rows, int64_t size,
                          const CrossEntropyTargets&);

// log_probs(rows), lse(rows), and entropies(rows) if given.
void log_prob_rows(float* log_probs, float* entropies, float* lse, const float* logits,
                   int64_t rows, int64_t size, const int32_t* targets, float inv_temperature);

// Gradients and saved values of each row; dlog_probs or dentropies may be null, and then so may
// entropies with the latter.
struct LogProbGrads {
  const float *dlog_probs, *dentropies, *entropies, *lse;
};
void log_prob_rows_backward(float* dlogits, bool accumulate, const float* logits, int64_t rows,
                            int64_t size, const int32_t* targets, float inv_temperature,
                            const LogProbGrads&);

}  // namespace lineage
