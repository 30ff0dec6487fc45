#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lineage/kernels/kernels.h"

namespace lineage {

// Records the ops run on this thread while it lives, then walks them backwards once. No tape, no
// graph: inference is the same code without one.
//
//   Tape tape;
//   parameters.watch(tape);
//   Tensor loss = model.loss(batch);
//   tape.backward(loss);                       // gradients are in the parameters
class Tape {
 public:
  // Puts into (or adds to) grads[i] the gradient of input i, given those of the outputs, in their
  // shapes; an output that nothing downstream used has an empty one.
  using Backward =
      std::function<void(std::span<const Tensor> dys, std::span<const GradSink> grads)>;

  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;
  static Tape* current();

  // A leaf: its gradient goes to `grad`, which outlives the tape. With accumulate = false the first
  // contribution overwrites what is there, and a leaf that gets none is set to zero.
  void watch(const Tensor& leaf, const Tensor& grad, bool accumulate);
  // Called during backward() with the index (in order of watch()) of each leaf whose gradient has
  // just become final: what a data-parallel run starts to reduce while the walk goes on.
  void on_leaf_final(std::function<void(size_t leaf)> callback) {
    leaf_final_ = std::move(callback);
  }

  // Without `pass_through`, every gradient is the lambda's work. That input (a residual) instead
  // receives the gradient of output 0 as it is: by handing over the tensor when it is the first
  // contribution, without a copy.
  static constexpr int kNone = -1;
  void record(std::string_view op, std::vector<Tensor> inputs, std::vector<Tensor> outputs,
              Backward, int pass_through = kNone);

  bool tracked(const Tensor& x) const { return grads_.contains(x.id()); }
  // Where a gradient of x goes now. Besides backward(), for an op that computes gradients in its
  // forward pass (linear_cross_entropy).
  GradSink sink(const Tensor& x);

  // d loss / d loss = 1. Frees each node as soon as it has run, so memory falls as the walk goes.
  void backward(const Tensor& loss);

 private:
  struct Node {
    std::string_view op;
    std::vector<Tensor> inputs;
    std::vector<std::pair<uint64_t, Shape>> outputs;
    Backward backward;
    int pass_through;
  };
  struct Leaf {
    Tensor grad;
    int64_t uses = 0;
    bool written = false;
  };
  struct Grad {     // of one tracked tensor
    Tensor value;   // empty: no contribution yet
    int leaf = -1;  // index of a leaf
  };
  void run(Node&);
  void pass(const Tensor& input, const Tensor& dy);
  void release(const Tensor& input);

  std::vector<Node> nodes_;
  std::vector<Leaf> leaves_;
  std::unordered_map<uint64_t, Grad> grads_;  // by Tensor::id()
  std::function<void(size_t)> leaf_final_;
  Tape* outer_;
};

// For ops: records when a tape is watching and some input is tracked.
void record(std::string_view op, std::vector<Tensor> inputs, std::vector<Tensor> outputs,
            Tape::Backward, int pass_through = Tape::kNone);
// For ops without a gradient: an Error when a tape is recording, which would lose it silently.
void refuse_tape(std::string_view op);

}  // namespace lineage
