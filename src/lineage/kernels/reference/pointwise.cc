#include "lineage/kernels/reference/forward.h"
#include "lineage/kernels/reference/gradients.h"
#include "lineage/kernels/reference/reference.h"

namespace lineage {
namespace reference {
namespace {

double slope_of(double x, Activation act) {
  constexpr double kRootTwoOverPi = 0.79788456080286535588, kCube = 0.044715;
  switch (act) {
    case Activation::gelu_tanh: {
      const double t = std::tanh(kRootTwoOverPi * (x + kCube * x * x * x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * kRootTwoOverPi * (1 + 3 * kCube * x * x);
    }
    case Activation::gelu_erf:
      return 0.5 * (1 + std::erf(x / std::numbers::sqrt2)) +
             x * std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    case Activation::relu:
      return x > 0 ? 1 : 0;
    case Activation::relu_squared:
      return x > 0 ? 2 * x : 0;
    case Activation::swiglu:
      break;
  }
  const double s = sigmoid(x);
  return s * (1 + x * (1 - s));
}

}  // namespace

Array<double> activation_gradient(const Array<double>& dy, const Array<double>& x, Activation act,
                                  int64_t width) {
  Array<double> dx(x.size());
  for (size_t i = 0; i < dy.size(); ++i) {
    if (gated(act)) {
      const size_t gate = i / width * 2 * width + i % width;
      dx[gate] = dy[i] * slope_of(x[gate], act) * x[gate + width];
      dx[gate + width] = dy[i] * activated(x[gate], act);
    } else {
      dx[i] = dy[i] * slope_of(x[i], act);
    }
  }
  return dx;
}

}  // namespace reference

using namespace reference;

void ReferenceKernels::activation(Tensor& y, const Tensor& x, Activation act) const {
  store(y, reference::activation(doubles(x), act, y.dim(-1)));
}

void ReferenceKernels::activation_backward(GradSink dx, const Tensor& dy, const Tensor& x,
                                           Activation act) const {
  store(dx, activation_gradient(doubles(dy), doubles(x), act, dy.dim(-1)));
}

void ReferenceKernels::add(Tensor& y, const Tensor& a, const Tensor& b) const {
  Array<double> sum = doubles(a);
  const Array<double> other = doubles(b);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
  store(y, sum);
}

void ReferenceKernels::copy_grad(GradSink dx, const Tensor& dy, const Tensor& scalar) const {
  Array<double> values = doubles(dy);
  if (!scalar.empty())
    for (double& v : values) v *= scalar.data<float>()[0];
  store(dx, values);
}

void ReferenceKernels::axpby(Tensor& y, float a, const Tensor& x, float b) const {
  Array<double> values = doubles(x);
  const Array<double> before = doubles(y);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = double{a} * values[i] + (b == 0 ? 0 : double{b} * before[i]);
  store(y, values);
}

double ReferenceKernels::sum_squares(const Tensor& x) const {
  double sum = 0;
  for (double v : doubles(x)) sum += v * v;
  return sum;
}

}  // namespace lineage
