#pragma once

#include "lineage/kernels/reference/arrays.h"

// Gradients that more than one kernel needs, written out by hand (tests hold them to the complex
// step through forward.h).
namespace lineage::reference {

// dx from dy(N,F), for x(N,F) or (N,2F) when gated.
Array<double> activation_gradient(const Array<double>& dy, const Array<double>& x, Activation,
                                  int64_t width);

// dlogits(N,V) of cross_entropy.
Array<double> cross_entropy_gradient(const Array<double>& logits, std::span<const int32_t> targets,
                                     const Array<double>& weights, double total_weight);

// dlogits(N,V) of log_probs; either of the incoming gradients may be empty.
Array<double> log_probs_gradient(const Array<double>& dlog_probs, const Array<double>& dentropies,
                                 const Array<double>& logits, std::span<const int32_t> targets,
                                 double inv_temperature);

}  // namespace lineage::reference
