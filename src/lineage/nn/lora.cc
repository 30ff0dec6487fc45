#include "lineage/nn/lora.h"

#include <algorithm>
#include <cmath>

#include "lineage/base/error.h"

namespace lineage {
namespace {

using Targets = std::vector<LoraTarget>;

// The rows of each adapter of one of a block's matrices, by target.
struct MatrixTargets {
  Linear Block<Linear>::*matrix;
  std::string_view name;  // in its block
  int64_t in;
  std::vector<std::pair<LoraTarget, ops::OutputRows>> rows;
};

std::vector<MatrixTargets> targets_of(const GptConfig& c) {
  const AttentionSpec a = c.attention(0);
  const int64_t Q = a.heads * a.head_width, K = a.kv_heads * a.head_width, F = c.mlp_hidden_width();
  std::vector<std::pair<LoraTarget, ops::OutputRows>> mlp_in = {{LoraTarget::mlp_in, {0, F}}};
  if (gated(c.activation)) mlp_in.push_back({LoraTarget::mlp_in, {F, F}});
  return {{&Block<Linear>::qkv,
           "attention.qkv",
           c.width,
           {{LoraTarget::qkv, {0, a.qkv_width()}},
            {LoraTarget::q, {0, Q}},
            {LoraTarget::k, {Q, K}},
            {LoraTarget::v, {Q + K, K}}}},
          {&Block<Linear>::attention_out,
           "attention.out",
           Q,
           {{LoraTarget::attention_out, {0, c.width}}}},
          {&Block<Linear>::mlp_in, "mlp.in", c.width, mlp_in},
          {&Block<Linear>::mlp_out, "mlp.out", F, {{LoraTarget::mlp_out, {0, c.width}}}}};
}

bool has(const Targets& targets, LoraTarget target) {
  return std::ranges::find(targets, target) != targets.end();
}

std::string block_name(size_t index) { return "blocks." + std::to_string(index); }

}  // namespace

void LoraConfig::validate(const GptConfig& model, const std::string& place) const {
  check_ranges(*this, place + ".");
  require(!targets.empty(), place,
          ".targets is []; wanted at least one of q, k, v, qkv, "
          "attention_out, mlp_in, mlp_out");
  for (size_t i = 0; i < targets.size(); ++i)
    require(std::find(targets.begin(), targets.begin() + static_cast<int64_t>(i), targets[i]) ==
                targets.begin() + static_cast<int64_t>(i),
            place, ".targets has \"", enum_name(targets[i]), "\" twice; wanted it once");
  for (const LoraTarget part : {LoraTarget::q, LoraTarget::k, LoraTarget::v})
    require(!has(targets, LoraTarget::qkv) || !has(targets, part), place,
            ".targets has both qkv and ", enum_name(part),
            "; wanted qkv, one adapter for all three, or some of q, k, v");
  for (const MatrixTargets& m : targets_of(model))
    for (const auto& [target, rows] : m.rows)
      require(!has(targets, target) || rank <= std::min(m.in, rows.count), place, ".rank is ", rank,
              "; the matrix of target ", enum_name(target), " is ", rows.count, " by ", m.in,
              ", which wants at most ", std::min(m.in, rows.count));
}

void add_adapters(Gpt& gpt, Parameters& adapters, const LoraConfig& config) {
  const std::vector<MatrixTargets> all = targets_of(gpt.config);
  const auto r = config.rank;
  for (size_t i = 0; i < gpt.blocks.size(); ++i)
    for (const MatrixTargets& m : all) {
      LowRank added;
      int64_t outputs = 0;
      for (const auto& [target, rows] : m.rows)
        if (has(config.targets, target)) added.rows.push_back(rows), outputs += rows.count;
      if (added.rows.empty()) continue;
      added.scale = static_cast<float>(config.alpha / static_cast<double>(r));
      Linear& matrix = gpt.blocks[i].*m.matrix;
      const int64_t n = std::ssize(added.rows);
      LowRank& kept = matrix.low_rank.emplace(std::move(added));
      const auto scope = adapters.root() / block_name(i) / m.name;
      scope.normal(kept.a, kLoraA, ParameterKind::matrix, {n * r, m.in},
                   1 / std::sqrt(3 * static_cast<float>(m.in)));
      scope.constant(kept.b, kLoraB, ParameterKind::matrix, {outputs, r}, 0);
    }
  if (gpt.config.scalar_head)
    gpt.scalar_head.add_to(adapters.root() / "scalar_head", gpt.config.embedding_channels(), 1,
                           true, 0, ParameterKind::head);
}

std::vector<AdaptedMatrix> adapted_matrices(Gpt& gpt) {
  std::vector<AdaptedMatrix> all;
  for (size_t i = 0; i < gpt.blocks.size(); ++i)
    for (const MatrixTargets& m : targets_of(gpt.config))
      if (Linear& matrix = gpt.blocks[i].*m.matrix; matrix.low_rank)
        all.push_back({block_name(i) + "." + std::string(m.name), &matrix});
  return all;
}

int64_t adapter_parameter_count(const GptConfig& c, const LoraConfig& lora) {
  int64_t block = 0;
  for (const MatrixTargets& m : targets_of(c))
    for (const auto& [target, rows] : m.rows)
      if (has(lora.targets, target)) block += lora.rank * (m.in + rows.count);
  return c.layers * block + (c.scalar_head ? c.embedding_channels() + 1 : 0);
}

double training_flops_per_token(const GptConfig& c, const std::optional<LoraConfig>& lora) {
  if (!lora) return training_flops_per_token(c);
  return training_flops_per_token(c) - 2.0 * static_cast<double>(matmul_parameters(c)) +
         6.0 * static_cast<double>(adapter_parameter_count(c, *lora));
}

}  // namespace lineage
