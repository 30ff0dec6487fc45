#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/nn/parameters.h"

namespace lineage {

enum class OptimizerKind : uint8_t { adamw, muon };
constexpr auto enum_names(OptimizerKind) {
  return std::array<std::string_view, 2>{"adamw", "muon"};
}

// The place of Adam's epsilon: beside the root of the corrected second moment (PyTorch), or beside
// that of the raw one (TensorFlow; Kingma & Ba 2015, end of section 2), whose early steps are
// smaller.
enum class AdamEpsilon : uint8_t { corrected, raw };
constexpr auto enum_names(AdamEpsilon) {
  return std::array<std::string_view, 2>{"corrected", "raw"};
}

// AdamW with GPT-3's constants (Brown et al. 2020, appendix B). `muon` trains the matrices of the
// blocks with Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers") and everything else
// with AdamW.
struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::adamw;
  double lr = 6e-4;
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.1;
  AdamEpsilon eps_added_to = AdamEpsilon::corrected;
  double muon_lr = 0.02, muon_momentum = 0.95;
  double clip = 1;  // of the global gradient norm; 0: none
};

template <class V>
void fields(V& v, OptimizerConfig& c) {
  v("kind", c.kind, "adamw, or muon for the matrices and AdamW for the rest");
  v("lr", c.lr, "peak learning rate of AdamW", between(0, 1e30));
  v("beta1", c.beta1, "AdamW's decay of the first moment", from_to_below(0, 1));
  v("beta2", c.beta2, "AdamW's decay of the second moment", from_to_below(0, 1));
  v("eps", c.eps, "added to the root of the second moment", from_above_to(0, 1));
  v("eps_added_to", c.eps_added_to,
    "corrected: eps is added to the root of the corrected second moment, as in PyTorch; raw: to "
    "that of the uncorrected one, as in TensorFlow");
  v("weight_decay", c.weight_decay, "of embeddings and matrices, times the learning rate",
    between(0, 1e6));
  v("muon_lr", c.muon_lr, "peak learning rate of Muon", between(0, 1e30));
  v("muon_momentum", c.muon_momentum, "Muon's Nesterov momentum", from_to_below(0, 1));
  v("clip", c.clip, "largest global gradient norm; 0: no clipping", between(0, 1e9));
}

// Updates one rank's shard [begin, end) of the parameter block and holds the moments of that shard
// alone (ZeRO-1; Rajbhandari et al. 2020). With Muon, shards end where parameters end.
class Optimizer {
 public:
  Optimizer(const OptimizerConfig&, const Parameters&, int64_t begin, int64_t end);
  // One update with the peak rates times `lr_scale`, and the gradients times `grad_scale`;
  // `step` is 1-based.
  void update(Parameters&, double lr_scale, double grad_scale, int64_t step);
  // The moments, (end - begin) each; kept in checkpoints.
  Tensor& first_moment() { return m_; }
  Tensor& second_moment() { return v_; }

  // Shard bounds for `ranks` that suit this optimizer: ranks + 1 positions of the block.
  static std::vector<int64_t> shards(const OptimizerConfig&, const Parameters&, int ranks);
  static int64_t state_bytes(const OptimizerConfig&, int64_t parameters) {
    return 2 * parameters * size_of(DType::f32);
  }

 private:
  void adamw(Parameters&, int64_t begin, int64_t end, bool decay, double lr_scale,
             double grad_scale, int64_t step);
  void muon(std::vector<const Parameter*> matrices, double lr_scale, double grad_scale);
  void muon(const Parameter&, double lr_scale, double grad_scale);

  OptimizerConfig config_;
  int64_t begin_, end_;
  Tensor m_, v_;
};

// The nearest semi-orthogonal matrix to g(R,C), roughly: five quintic Newton-Schulz iterations on g
// / |g| (Jordan et al. 2024), which move every singular value to about [0.7, 1.2]. Done on the Gram
// matrix of the shorter side, less than half of the work for a matrix of 1:4.
Tensor orthogonalize(const Tensor& g);

}  // namespace lineage
