#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/nn/gpt.h"
#include "lineage/train/optimizer.h"

namespace lineage::cli {

// The named configurations of `lineage bench`: three of GPT-2's architecture under AdamW, and those
// of recipes/gpt35-nano.toml under Muon, pretraining and tuning.
struct BenchConfig {
  std::string name;
  GptConfig model;
  int64_t rows;  // B
  OptimizerKind optimizer = OptimizerKind::adamw;
};
// A matrix product c(m,n) = a(m,k) b(k,n).
struct Product {
  int64_t m, n, k;
};
// Those of a training step's forward pass, with the head's cut to at most 4096 columns.
std::vector<Product> products(const BenchConfig&);

// GFLOP/s of one product, the best of repeated runs over `seconds`.
double product_gflops(const Product&, double seconds);         // by our kernels
double product_gflops_onednn(const Product&, double seconds);  // by dnnl_sgemm
// The best of both over the given products: the machine's peak, for relative speeds.
double sgemm_peak(const std::vector<Product>&, double seconds_each);

struct BenchOptions {
  std::vector<std::string> configs;
  double seconds = 10;
  int threads = 0;
  bool json = false, breakdown = false;
  int64_t context = 0, rows = 0;  // overrides of the named configuration
  int64_t sequences = 64;         // decode
  std::string ranks;              // tokenizer
  std::vector<std::string> texts;
  int64_t vocab = 8192;
};

// The configurations of --config (all if it is absent) with the overrides; an Error lists them.
std::vector<BenchConfig> chosen_configs(const BenchOptions&);

void bench_matmul(const BenchOptions&);
void bench_train(const BenchOptions&);
void bench_decode(const BenchOptions&);
void bench_tokenizer(const BenchOptions&);

}  // namespace lineage::cli
