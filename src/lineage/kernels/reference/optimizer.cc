#include "lineage/kernels/reference/forward.h"
#include "lineage/kernels/reference/reference.h"

namespace lineage {

using namespace reference;

void ReferenceKernels::adamw(Tensor& values, Tensor& m, Tensor& v, const Tensor& grads,
                             const AdamWStep& s) const {
  Array<double> p = doubles(values), first = doubles(m), second = doubles(v);
  const Array<double> gradients = doubles(grads);
  const double b1 = s.beta1, b2 = s.beta2, lr = s.lr, step = static_cast<double>(s.step);
  const double correction1 = 1 - std::pow(b1, step), correction2 = 1 - std::pow(b2, step);
  for (size_t i = 0; i < p.size(); ++i) {
    const double g = double{s.grad_scale} * gradients[i];
    first[i] = b1 * first[i] + (1 - b1) * g;
    second[i] = b2 * second[i] + (1 - b2) * g * g;
    p[i] -= lr * s.weight_decay * p[i] +
            lr * (first[i] / correction1) / (std::sqrt(second[i] / correction2) + s.eps);
  }
  store(values, p);
  store(m, first);
  store(v, second);
}

}  // namespace lineage
