#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/tensor/tensor.h"

namespace lineage {

class Tape;

// How a parameter is used, in the order of the blocks: `embedding` is looked up; `head` and
// `matrix` are multiplied with every token; `vector` is a gain or a bias. AdamW decays all but the
// vectors; Muon takes the matrices alone.
enum class ParameterKind : uint8_t { embedding, head, matrix, vector };

struct Parameter {
  std::string name;  // "blocks.3.attention.qkv.weight"; the key in every checkpoint
  ParameterKind kind;
  Tensor value, grad;  // slices of the blocks
  int64_t begin = 0;   // where its elements start in the blocks
  // How it starts: a constant when `random` is false, else normal with this deviation.
  bool random = false;
  float init = 0;
};

// All parameters of a model, back to back in one block; likewise all gradients. The optimizer, the
// gradient norm, the all-reduce and the checkpoint each take one tensor, not two hundred. The
// blocks are sorted by kind, and within a kind by registration. Not thread-safe.
//
//   Parameters parameters;
//   Gpt model(parameters.root(), config);   // registers, and keeps handles of its own
//   parameters.allocate(with_gradients);    // now every handle has its memory
//   parameters.initialize(seed);
//
// allocate() fills the handles, so a layer must not move between its registration and that call.
class Parameters {
 public:
  // A place to hang names: Scope("blocks.3") / "attention".
  class Scope {
   public:
    Scope operator/(std::string_view child) const;
    // `handle` is the member of the layer that will hold the tensor; it must outlive allocate().
    void normal(Tensor& handle, std::string_view name, ParameterKind, Shape, float std) const;
    void constant(Tensor& handle, std::string_view name, ParameterKind, Shape, float value) const;

   private:
    friend class Parameters;
    Scope(Parameters* all, std::string path) : all_(all), path_(std::move(path)) {}
    std::string name(std::string_view leaf) const;
    Parameters* all_;
    std::string path_;
  };

  Parameters() = default;
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  Scope root() { return {this, ""}; }
  void allocate(bool with_gradients);
  // In place of allocate(): the values are those of `other`, which has the same parameters. Without
  // gradients.
  void share(const Parameters& other);
  // Values depend on (seed, name) alone: not on order, and not on the other parameters.
  void initialize(uint64_t seed);
  // Every parameter becomes a leaf of the tape, in the order of all(). The gradients of this tape
  // overwrite the block, or add to it (a further micro-batch).
  void watch(Tape&, bool accumulate) const;

  std::span<const Parameter> all() const { return all_; }  // in the order of the blocks
  const Parameter& at(std::string_view name) const;  // an Error with the nearest name when absent
  bool contains(std::string_view name) const { return index_.contains(std::string(name)); }
  // The shapes of all by name, before allocate().
  std::map<std::string, Shape> registered_shapes() const;
  int64_t numel() const { return numel_; }  // elements registered so far
  int64_t numel(ParameterKind) const;
  int64_t decayed() const { return decayed_; }  // elements [0, decayed) of the blocks decay
  Tensor& values() { return values_; }          // (numel)
  const Tensor& values() const { return values_; }
  Tensor& grads() { return grads_; }  // (numel), empty when allocated without
  const Tensor& grads() const { return grads_; }

 private:
  struct Registered {
    Parameter parameter;
    Shape shape;
    Tensor* handle;
  };
  void add(Registered);
  void lay_out();
  void hand_out(bool with_gradients);
  std::vector<Registered> registered_;  // until allocate()
  std::vector<Parameter> all_;
  std::map<std::string, size_t> index_;
  Tensor values_, grads_;
  std::array<int64_t, 4> numel_of_{};  // by kind
  int64_t numel_ = 0, decayed_ = 0;
};

}  // namespace lineage
