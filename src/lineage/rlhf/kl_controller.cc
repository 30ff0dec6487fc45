#include "lineage/rlhf/kl_controller.h"

#include "lineage/kernels/kernels.h"

namespace lineage {

WeightAverage::WeightAverage(const Tensor& weights, double decay)
    : decay_(decay), values_(Tensor::like(weights)) {
  std::ranges::copy(weights.data<float>(), values_.data<float>().begin());
}

void WeightAverage::update(const Tensor& weights) {
  kernels().axpby(values_, static_cast<float>(1 - decay_), weights, static_cast<float>(decay_));
}

}  // namespace lineage
