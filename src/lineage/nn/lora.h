#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/nn/gpt.h"

namespace lineage {

// A matrix of every block that an adapter is added to. `qkv` is one adapter for the queries, keys
// and values together; `q`, `k` and `v` have each their own.
enum class LoraTarget : uint8_t { q, k, v, qkv, attention_out, mlp_in, mlp_out };
constexpr auto enum_names(LoraTarget) {
  return std::array<std::string_view, 7>{"q",      "k",      "v", "qkv", "attention_out",
                                         "mlp_in", "mlp_out"};
}

// Low-rank adaptation (Hu et al. 2021): the weights W of a model stay as they are, and beside each
// target an adapter B A of rank r is trained, h = W x + alpha/r B A x. The defaults are the paper's
// targets for GPT-3 (section 7.1).
struct LoraConfig {
  int64_t rank = 8;
  double alpha = 16;
  std::vector<LoraTarget> targets = {LoraTarget::q, LoraTarget::v};

  // An Error naming the key that cannot be, for a model of this architecture.
  void validate(const GptConfig&, const std::string& place) const;
};

template <class V>
void fields(V& v, LoraConfig& c) {
  v("rank", c.rank, "of the adapters, r", between(1, 1 << 16));
  v("alpha", c.alpha, "an adapter is scaled by alpha / rank", from_above_to(0, 1e6));
  v("targets", c.targets,
    "the matrices of every block that have one; mlp_in: of a gated MLP the gates and the values "
    "each their own");
}

// Of the table as a stage has it.
inline constexpr const char* kLoraDoc =
    "with this table adapters are trained in place of the weights";

// The names of the parameters of an adapter begin with that of the matrix:
// "blocks.0.attention.qkv.lora_a" (n r,in) and ".lora_b" (sum of the rows,r), of its n adapters.
inline constexpr std::string_view kLoraA = "lora_a", kLoraB = "lora_b";

// One matrix with adapters, and its name without ".weight".
struct AdaptedMatrix {
  std::string name;
  Linear* matrix;
};
std::vector<AdaptedMatrix> adapted_matrices(Gpt&);

// Registers adapters for the model and hands them to its matrices: A normal with the deviation
// (3 in)^-1/2 of the authors' own initialization, B at 0, so that the model computes the same. The
// model's scalar head, if it has one, is registered beside them under its own names, and is the new
// one from then on: an adapter cannot express a head. The model must not move until `adapters` are
// allocated. Of a config that validate() passes.
void add_adapters(Gpt&, Parameters& adapters, const LoraConfig&);

// Elements of the parameters that add_adapters() registers, without building the model.
int64_t adapter_parameter_count(const GptConfig&, const LoraConfig&);

// Floating-point operations of a training step per token: those of the whole model without the
// gradients of its weights, 4 matmul_parameters + 12 L T H D, and 6 for each parameter of an
// adapter. Without `lora`, of training_flops_per_token(GptConfig).
double training_flops_per_token(const GptConfig&, const std::optional<LoraConfig>&);

}  // namespace lineage
