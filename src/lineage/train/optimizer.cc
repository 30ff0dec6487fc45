#include "lineage/train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "lineage/kernels/kernels.h"

namespace lineage {
namespace {

// The matrices' region of the block, which Muon trains.
std::pair<int64_t, int64_t> matrices(const Parameters& parameters) {
  int64_t begin = parameters.decayed(), end = parameters.decayed();
  for (const Parameter& p : parameters.all())
    if (p.kind == ParameterKind::matrix) begin = std::min(begin, p.begin);
  return {begin, end};
}

Tensor range(Tensor& block, int64_t begin, int64_t end) {
  return block.slice(begin, {end - begin});
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, const Parameters&, int64_t begin, int64_t end)
    : config_(config),
      begin_(begin),
      end_(end),
      m_(Tensor::zeros({end - begin})),
      v_(Tensor::zeros({end - begin})) {}

void Optimizer::update(Parameters& parameters, double share, double grad_scale, int64_t step) {
  const int64_t decayed = parameters.decayed();
  if (config_.kind == OptimizerKind::adamw) {
    adamw(parameters, 0, decayed, true, share, grad_scale, step);
  } else {
    const auto [begin, end] = matrices(parameters);
    adamw(parameters, 0, begin, true, share, grad_scale, step);
    for (const Parameter& p : parameters.all())
      if (p.begin >= std::max(begin, begin_) && p.begin < std::min(end, end_))
        muon(p, share, grad_scale);
  }
  adamw(parameters, decayed, parameters.numel(), false, share, grad_scale, step);
}

void Optimizer::adamw(Parameters& parameters, int64_t begin, int64_t end, bool decay, double share,
                      double grad_scale, int64_t step) {
  begin = std::max(begin, begin_);
  end = std::min(end, end_);
  if (begin >= end) return;
  AdamWStep s;
  s.lr = static_cast<float>(config_.lr * share);
  s.beta1 = static_cast<float>(config_.beta1);
  s.beta2 = static_cast<float>(config_.beta2);
  s.eps = static_cast<float>(config_.eps);
  s.weight_decay = decay ? static_cast<float>(config_.weight_decay) : 0;
  s.grad_scale = static_cast<float>(grad_scale);
  s.step = step;
  Tensor values = range(parameters.values(), begin, end);
  Tensor m = range(m_, begin - begin_, end - begin_), v = range(v_, begin - begin_, end - begin_);
  kernels().adamw(values, m, v, range(parameters.grads(), begin, end), s);
}

void Optimizer::muon(const Parameter& p, double share, double grad_scale) {
  const Kernels& k = kernels();
  const float momentum = static_cast<float>(config_.muon_momentum);
  const int64_t R = p.value.dim(0), C = p.value.numel() / R;
  Tensor buffer = m_.slice(p.begin - begin_, {R, C}), value = p.value;
  k.axpby(buffer, static_cast<float>(grad_scale), p.grad, momentum);
  Tensor update = Tensor::zeros({R, C});  // Nesterov: the gradient and the momentum to come
  k.axpby(update, static_cast<float>(grad_scale), p.grad, 0);
  k.axpby(update, momentum, buffer, 1);
  const double lr = config_.muon_lr * share;
  const double shape = std::sqrt(std::max(1.0, static_cast<double>(R) / static_cast<double>(C)));
  k.axpby(value, static_cast<float>(-lr * shape), orthogonalize(update),
          static_cast<float>(1 - lr * config_.weight_decay));
}

std::vector<int64_t> Optimizer::shards(const OptimizerConfig& config, const Parameters& parameters,
                                       int ranks) {
  std::vector<int64_t> bounds{0};
  const auto [begin, end] = matrices(parameters);
  for (int r = 1; r < ranks; ++r) {
    int64_t bound = parameters.numel() * r / ranks;
    if (config.kind == OptimizerKind::muon && bound > begin && bound < end)
      for (const Parameter& p : parameters.all())  // the end of the parameter it falls into
        if (p.begin < bound && bound < p.begin + p.value.numel()) {
          bound = p.begin + p.value.numel();
          break;
        }
    bounds.push_back(std::max(bound, bounds.back()));
  }
  bounds.push_back(parameters.numel());
  return bounds;
}

Tensor orthogonalize(const Tensor& g) {
  constexpr float a = 3.4445f, b = -4.7750f, c = 2.0315f;
  constexpr int kIterations = 5;
  const Kernels& k = kernels();
  const int64_t R = g.dim(0), C = g.dim(1), S = std::min(R, C);
  const bool tall = R > C;  // the small Gram matrix is that of the shorter side
  const Trans outer = tall ? Trans::yes : Trans::no, inner = tall ? Trans::no : Trans::yes;
  Tensor x = Tensor::zeros({R, C}), next = Tensor::empty({R, C});
  k.axpby(x, static_cast<float>(1 / (std::sqrt(k.sum_squares(g)) + 1e-7)), g, 0);
  Tensor gram = Tensor::empty({S, S}), poly = Tensor::empty({S, S});
  for (int i = 0; i < kIterations; ++i) {
    k.matmul(gram, x, outer, x, inner, 0);  // A = X Xᵀ (tall: Xᵀ X)
    std::copy_n(gram.data<float>().data(), S * S, poly.data<float>().data());
    k.matmul(poly, gram, Trans::no, gram, Trans::no, b / c);  // A² + (b/c) A
    if (tall)
      k.matmul(next, x, Trans::no, poly, Trans::no, 0);
    else
      k.matmul(next, poly, Trans::no, x, Trans::no, 0);
    k.axpby(x, c, next, a);  // a X + (b A + c A²) X
  }
  return x;
}

}  // namespace lineage
