#include "lineage/train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "lineage/base/parallel.h"
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

void Optimizer::update(Parameters& parameters, double lr_scale, double grad_scale, int64_t step) {
  const int64_t decayed = parameters.decayed();
  if (config_.kind == OptimizerKind::adamw) {
    adamw(parameters, 0, decayed, true, lr_scale, grad_scale, step);
  } else {
    const auto [begin, end] = matrices(parameters);
    adamw(parameters, 0, begin, true, lr_scale, grad_scale, step);
    std::vector<const Parameter*> mine;
    for (const Parameter& p : parameters.all())
      if (p.begin >= std::max(begin, begin_) && p.begin < std::min(end, end_)) mine.push_back(&p);
    muon(std::move(mine), lr_scale, grad_scale);
  }
  adamw(parameters, decayed, parameters.numel(), false, lr_scale, grad_scale, step);
}

void Optimizer::adamw(Parameters& parameters, int64_t begin, int64_t end, bool decay,
                      double lr_scale, double grad_scale, int64_t step) {
  begin = std::max(begin, begin_);
  end = std::min(end, end_);
  if (begin >= end) return;
  AdamWStep s;
  s.lr = static_cast<float>(config_.lr * lr_scale);
  s.beta1 = static_cast<float>(config_.beta1);
  s.beta2 = static_cast<float>(config_.beta2);
  double eps = config_.eps;
  if (config_.eps_added_to == AdamEpsilon::raw)  // sqrt(v) + eps, over the correction of sqrt(v)
    eps /= std::sqrt(1 - std::pow(config_.beta2, static_cast<double>(step)));
  s.eps = static_cast<float>(eps);
  s.weight_decay = decay ? static_cast<float>(config_.weight_decay) : 0;
  s.grad_scale = static_cast<float>(grad_scale);
  s.step = step;
  Tensor values = range(parameters.values(), begin, end);
  Tensor m = range(m_, begin - begin_, end - begin_), v = range(v_, begin - begin_, end - begin_);
  kernels().adamw(values, m, v, range(parameters.grads(), begin, end), s);
}

// A matrix a thread where there are enough of them, the largest first: small products gain little
// from a second thread, and Newton-Schulz is a long chain of them.
void Optimizer::muon(std::vector<const Parameter*> matrices, double lr_scale, double grad_scale) {
  const auto count = static_cast<int64_t>(matrices.size());
  std::ranges::stable_sort(matrices, std::ranges::greater(),
                           [](const Parameter* p) { return p->value.numel(); });
  const auto each = [&](int64_t i, int64_t, int64_t) { muon(*matrices[i], lr_scale, grad_scale); };
  if (count >= 2 * num_threads()) return parallel_blocks(count, 1, each, /*dynamic=*/true);
  for (int64_t i = 0; i < count; ++i) each(i, i, i + 1);
}

void Optimizer::muon(const Parameter& p, double lr_scale, double grad_scale) {
  const Kernels& k = kernels();
  const float momentum = static_cast<float>(config_.muon_momentum);
  const int64_t R = p.value.dim(0), C = p.value.numel() / R;
  Tensor buffer = m_.slice(p.begin - begin_, {R, C}), value = p.value;
  k.axpby(buffer, static_cast<float>(grad_scale), p.grad, momentum);
  Tensor update = Tensor::zeros({R, C});  // Nesterov: the gradient and the momentum to come
  k.axpby(update, static_cast<float>(grad_scale), p.grad, 0);
  k.axpby(update, momentum, buffer, 1);
  const double lr = config_.muon_lr * lr_scale;
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

// Each iteration is X <- P X with P = aI + b G + c G² and G = X Xᵀ (tall: X <- X P, G = Xᵀ X), so
// the last X is Q X₀, where Q is the product of all P, and G itself follows by G <- P G P. All of
// these are polynomials in the first G: symmetric, and as small as the shorter side.
Tensor orthogonalize(const Tensor& g) {
  constexpr float a = 3.4445f, b = -4.7750f, c = 2.0315f;
  constexpr int kIterations = 5;
  const Kernels& k = kernels();
  const int64_t R = g.dim(0), C = g.dim(1), S = std::min(R, C);
  const bool tall = R > C;
  Tensor x = Tensor::zeros({R, C});
  k.axpby(x, static_cast<float>(1 / (std::sqrt(k.sum_squares(g)) + 1e-7)), g, 0);
  Tensor gram = Tensor::empty({S, S}), p = Tensor::empty({S, S}), q = Tensor::empty({S, S});
  Tensor next = Tensor::empty({S, S});
  k.matmul_symmetric(gram, x, Trans(tall), x, Trans(!tall), 0);
  const auto by = [&](const Tensor& left, Tensor& right) {  // right <- left right
    k.matmul_symmetric(next, left, Trans::no, right, Trans::no, 0);
    std::swap(next, right);
  };
  for (int i = 0; i < kIterations; ++i) {
    k.matmul_symmetric(p, gram, Trans::no, gram, Trans::no, 0);
    k.axpby(p, b, gram, c);
    for (int64_t d = 0; d < S; ++d) p.data<float>()[d * S + d] += a;
    if (i == 0)
      std::copy_n(p.data<float>().data(), S * S, q.data<float>().data());
    else
      by(p, q);
    if (i + 1 == kIterations) break;
    by(p, gram);
    by(p, gram);
  }
  Tensor result = Tensor::empty({R, C});
  if (tall)
    k.matmul(result, x, Trans::no, q, Trans::no, 0);
  else
    k.matmul(result, q, Trans::no, x, Trans::no, 0);
  return result;
}

}  // namespace lineage
