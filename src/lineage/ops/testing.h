#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "lineage/base/rng.h"
#include "lineage/kernels/kernels.h"
#include "lineage/ops/tape.h"

namespace lineage::testing {

inline Tensor random_tensor(Shape shape, uint64_t seed, float scale = 1) {
  Tensor x = Tensor::empty(std::move(shape));
  const Rng rng(seed);
  auto values = x.data<float>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = scale * rng.normal(i);
  return x;
}

// Sum of y times fixed pseudo-random weights: a scalar that depends on every element of y.
inline Tensor probe(const Tensor& y) {
  Tensor weights = random_tensor(y.shape(), 99), loss = Tensor::zeros({1});
  double sum = 0;
  for (size_t i = 0; i < weights.data<float>().size(); ++i)
    sum += static_cast<double>(weights.data<float>()[i]) * static_cast<double>(y.data<float>()[i]);
  loss.data<float>()[0] = static_cast<float>(sum);
  record("probe", {y}, {loss}, [weights](std::span<const Tensor> dys, auto grads) {
    kernels().copy_grad(grads[0], weights, dys[0]);
  });
  return loss;
}

// Compares the tape's gradient of every input with central differences of `loss`, run on the
// reference kernels, along random directions. Steps of 1e-2 in f32 leave an error near 1e-3 of the
// gradient's size, which is the tolerance's reason; an absent or doubled term is of order 1.
inline void expect_gradients(std::vector<Tensor> inputs, const std::function<Tensor()>& loss,
                             double tolerance = 2e-2) {
  const UseKernels use(reference_kernels());
  std::vector<Tensor> grads;
  for (const Tensor& x : inputs) grads.push_back(Tensor::full(x.shape(), NAN));
  {
    Tape tape;
    for (size_t i = 0; i < inputs.size(); ++i) tape.watch(inputs[i], grads[i], false);
    tape.backward(loss());
  }
  constexpr float kStep = 1e-2f;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto x = inputs[i].data<float>();
    const std::vector<float> kept(x.begin(), x.end());
    for (uint64_t direction = 0; direction < 3; ++direction) {
      const Tensor d = random_tensor(inputs[i].shape(), 1000 + direction);
      double analytic = 0, scale = 1e-3;
      const auto at = [&](float step) {
        for (size_t j = 0; j < x.size(); ++j) x[j] = kept[j] + step * d.data<float>()[j];
        return static_cast<double>(loss().data<float>()[0]);
      };
      const double numeric = (at(kStep) - at(-kStep)) / (2 * static_cast<double>(kStep));
      at(0);
      for (size_t j = 0; j < x.size(); ++j) {
        const double g = static_cast<double>(grads[i].data<float>()[j]);
        analytic += g * static_cast<double>(d.data<float>()[j]);
        scale += g * g;
      }
      EXPECT_NEAR(analytic, numeric, tolerance * std::sqrt(scale))
          << "input " << i << ", direction " << direction;
    }
  }
}

// Runs `call` and returns what the Error says; fails when there is none.
template <class Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const std::exception& e) {
    return e.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return {};
}

}  // namespace lineage::testing
