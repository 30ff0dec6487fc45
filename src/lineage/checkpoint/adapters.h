#pragma once

#include <string>
#include <vector>

#include "lineage/checkpoint/model.h"
#include "lineage/nn/lora.h"

namespace lineage {

// One adapter (Hu et al. 2021): `scale` b a is added to these rows of a matrix.
struct Adapter {
  std::string matrix;  // "blocks.0.attention.qkv"
  ops::OutputRows rows;
  double scale = 1;
  Tensor a, b;  // (r,in), (rows.count,r)
  int64_t rank() const { return a.dim(0); }
};

// The adapters that are in the weights of a checkpoint. In its folder they are kFile:
// "blocks.0.attention.qkv.768.lora_a" and ".lora_b", whose number is the first row, in F32; the
// metadata has each one's scale, and the base.
struct AdapterSet {
  static constexpr const char* kFile = "adapter.safetensors";
  std::string base_name;     // the base's node
  std::string base_weights;  // and the digest of its weights
  std::vector<Adapter> adapters;
};
void write_adapters(const fs::path& file, const AdapterSet&);
// An Error unless every adapter is whole and fits the model.
AdapterSet read_adapters(const fs::path& file, const GptConfig&);

// Gives a model, loaded without gradients, adapters to train in place of its parameters: from then
// on Model::trained() are the adapters, and the scalar head if it has one, as add_adapters() says.
void adapt(Model&, const LoraConfig&, uint64_t seed);
// The adapters of the model as they are now.
std::vector<Adapter> adapters_of(const Model&);
// The model without its adapters, in the same memory: the reference that a policy starts from.
Model base_of(const Model&);
// Puts the adapters, and the scalar head, into Model::parameters, which base_of() then shows too.
// The model has none afterwards; does nothing to one that had none.
void merge(Model&);

// weight += scale b a, in its rows.
void add_to(const Tensor& weight, const Adapter&);

}  // namespace lineage
