#pragma once

#include <algorithm>

#include "lineage/tensor/tensor.h"

namespace lineage {

// The coefficient β of the KL penalty: fixed where `target` is 0, else moved so that the KL of an
// answer goes to `target` nats (Ziegler et al. 2019, section 2.2).
struct KlController {
  double beta = 0.02;
  double target = 0;
  double gain = 0.1;
  double largest_error = 0.2;

  // After an iteration whose answers' mean KL was `kl`.
  void update(double kl) {
    if (target <= 0) return;
    const double error = std::clamp((kl - target) / target, -largest_error, largest_error);
    beta *= 1 + gain * error;
  }
};

// An exponential moving average of weights, without a correction of its start (Ouyang et al. 2022,
// appendix C.4).
class WeightAverage {
 public:
  // From these weights on; decay 0: the average is the weights.
  WeightAverage(const Tensor& weights, double decay);
  void update(const Tensor& weights);  // after each optimizer step
  Tensor& values() { return values_; }

 private:
  double decay_;
  Tensor values_;
};

}  // namespace lineage
