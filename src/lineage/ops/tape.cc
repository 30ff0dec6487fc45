#include "lineage/ops/tape.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lineage/base/error.h"

namespace lineage {
namespace {
thread_local Tape* current_tape = nullptr;
}  // namespace

Tape::Tape() : outer_(std::exchange(current_tape, this)) {}
Tape::~Tape() { current_tape = outer_; }
Tape* Tape::current() { return current_tape; }

void Tape::watch(const Tensor& leaf, const Tensor& grad, bool accumulate) {
  require(leaf.shape() == grad.shape(), "watch: leaf is ", leaf.shape(), ", its gradient ",
          grad.shape());
  grads_[leaf.id()] = {{}, static_cast<int>(leaves_.size())};
  leaves_.push_back({grad, 0, accumulate});
}

void Tape::record(std::string_view op, std::vector<Tensor> inputs, std::vector<Tensor> outputs,
                  Backward backward, int pass_through) {
  std::erase_if(outputs, [](const Tensor& y) { return y.empty(); });
  if (std::ranges::none_of(inputs, [&](const Tensor& x) { return tracked(x); })) return;
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (size_t j = 0; j < i; ++j)
      require(inputs[i].empty() || inputs[i].id() != inputs[j].id(), op,
              ": the same tensor is input ", j, " and ", i, "; use two handles of its own");
    if (const auto it = grads_.find(inputs[i].id()); it != grads_.end() && it->second.leaf >= 0)
      ++leaves_[it->second.leaf].uses;
  }
  std::vector<std::pair<uint64_t, Shape>> produced;
  for (const Tensor& y : outputs) {
    grads_.try_emplace(y.id());
    produced.emplace_back(y.id(), y.shape());
  }
  nodes_.push_back({op, std::move(inputs), std::move(produced), std::move(backward), pass_through});
}

GradSink Tape::sink(const Tensor& x) {
  const auto it = x.empty() ? grads_.end() : grads_.find(x.id());
  if (it == grads_.end()) return {};
  if (it->second.leaf >= 0) {
    Leaf& leaf = leaves_[it->second.leaf];
    return {leaf.grad.view(x.shape()), std::exchange(leaf.written, true)};
  }
  Tensor& grad = it->second.value;
  const bool first = grad.empty();
  if (first) grad = Tensor::like(x);
  return {grad.view(x.shape()), !first};
}

void Tape::backward(const Tensor& loss) {
  require(loss.numel() == 1, "backward: the loss must be a scalar, got ", loss.shape());
  require(tracked(loss), "backward: the loss does not depend on any watched tensor");
  grads_[loss.id()].value = Tensor::full(loss.shape(), 1);
  while (!nodes_.empty()) {
    Node node = std::move(nodes_.back());
    nodes_.pop_back();
    run(node);
    for (const Tensor& x : node.inputs) release(x);
  }
  for (size_t i = 0; i < leaves_.size(); ++i) {  // those that no op used
    Leaf& leaf = leaves_[i];
    if (!leaf.written)
      std::memset(leaf.grad.bytes(), 0, static_cast<size_t>(leaf.grad.byte_size()));
    if (leaf.uses == 0 && leaf_final_) leaf_final_(i);
  }
}

void Tape::run(Node& node) {
  std::vector<Tensor> dys;
  bool wanted = false;
  for (const auto& [id, shape] : node.outputs) {
    Tensor dy = std::move(grads_[id].value);
    grads_.erase(id);
    wanted |= !dy.empty();
    // Downstream may have used the output through a view of another shape.
    dys.push_back(dy.empty() ? dy : dy.view(shape));
  }
  if (!wanted) return;  // nothing downstream wanted it
  std::vector<GradSink> sinks;
  for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i)
    sinks.push_back(i == node.pass_through ? GradSink{} : sink(node.inputs[i]));
  if (node.backward) node.backward(dys, sinks);
  if (node.pass_through != kNone) pass(node.inputs[node.pass_through], dys[0]);
}

void Tape::pass(const Tensor& input, const Tensor& dy) {
  const auto it = input.empty() ? grads_.end() : grads_.find(input.id());
  if (it == grads_.end()) return;
  if (it->second.leaf < 0 && it->second.value.empty())
    it->second.value = dy;
  else
    kernels(dy.device()).copy_grad(sink(input), dy, {});
}

void Tape::release(const Tensor& input) {
  const auto it = input.empty() ? grads_.end() : grads_.find(input.id());
  if (it == grads_.end() || it->second.leaf < 0) return;
  const size_t index = static_cast<size_t>(it->second.leaf);
  Leaf& leaf = leaves_[index];
  if (--leaf.uses > 0) return;
  leaf.uses = -1;  // final; the loop over unused leaves skips it
  if (!std::exchange(leaf.written, true))
    std::memset(leaf.grad.bytes(), 0, static_cast<size_t>(leaf.grad.byte_size()));
  if (leaf_final_) leaf_final_(index);
}

void record(std::string_view op, std::vector<Tensor> inputs, std::vector<Tensor> outputs,
            Tape::Backward backward, int pass_through) {
  if (Tape* tape = Tape::current())
    tape->record(op, std::move(inputs), std::move(outputs), std::move(backward), pass_through);
}

void refuse_tape(std::string_view op) {
  require(Tape::current() == nullptr, op,
          ": has no gradient, and a tape is recording; wanted the op that training uses");
}

}  // namespace lineage
