#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/clock.h"
#include "lineage/cli/bench.h"
#include "lineage/kernels/cpu/onednn.h"
#include "lineage/kernels/kernels.h"

namespace lineage::cli {
namespace {

template <class Run>
double best_gflops(const Product& p, double seconds, const Run& run) {
  double best = 0;
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    run();
    best = std::max(best, 2e-9 * static_cast<double>(p.m * p.n * p.k) / seconds_since(begin));
  } while (seconds_since(start) < seconds);
  return best;
}

}  // namespace

std::vector<Product> products(const BenchConfig& c) {
  const int64_t N = c.rows * c.model.context, C = c.model.width, F = c.model.mlp_hidden_width();
  constexpr int64_t kHeadColumns = 4096;
  return {{N, 3 * C, C},
          {N, C, C},
          {N, F, C},
          {N, C, F},
          {N, std::min(c.model.vocab, kHeadColumns), C}};
}

double product_gflops(const Product& p, double seconds) {
  const Tensor a = Tensor::full({p.m, p.k}, 0.5f), b = Tensor::full({p.n, p.k}, 0.25f);
  Tensor c = Tensor::empty({p.m, p.n});
  return best_gflops(p, seconds, [&] { kernels().matmul(c, a, Trans::no, b, Trans::yes, 0); });
}

double product_gflops_onednn(const Product& p, double seconds) {
  const Tensor a = Tensor::full({p.m, p.k}, 0.5f), b = Tensor::full({p.n, p.k}, 0.25f);
  Tensor c = Tensor::empty({p.m, p.n});
  return best_gflops(p, seconds, [&] { onednn_sgemm(c, a, Trans::no, b, Trans::yes, 0); });
}

double sgemm_peak(const std::vector<Product>& shapes, double seconds_each) {
  double peak = 0;
  for (const Product& p : shapes)
    peak =
        std::max({peak, product_gflops(p, seconds_each), product_gflops_onednn(p, seconds_each)});
  return peak;
}

void bench_matmul(const BenchOptions& o) {
  for (const BenchConfig& c : chosen_configs(o)) {
    for (const Product& p : products(c)) {
      const double seconds = o.seconds / 20;
      const double ours = product_gflops(p, seconds), onednn = product_gflops_onednn(p, seconds);
      if (o.json)
        fmt::print("{}\n", nlohmann::json{{"config", c.name},
                                          {"m", p.m},
                                          {"n", p.n},
                                          {"k", p.k},
                                          {"gflops", ours},
                                          {"onednn_gflops", onednn}}
                               .dump());
      else
        fmt::print("{:6} {:5} x {:5} x {:5}   {:6.1f} GFLOP/s   oneDNN {:6.1f}   ratio {:.2f}\n",
                   c.name, p.m, p.n, p.k, ours, onednn, ours / onednn);
    }
  }
}

}  // namespace lineage::cli
