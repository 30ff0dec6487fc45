#pragma once

#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/rng.h"
#include "lineage/kernels/kernels.h"

// What the tests and benches of the kernels share: a case struct for each family (cases_*.h) says
// the sizes and makes the inputs; a Call is one kernel ready to run on any backend.
namespace lineage::cases {

// A tensor inside a larger block, with guards on both sides: values that are not numbers beside an
// input poison whatever reads past its end, and those beside an output show who wrote there. An
// odd guard also leaves every tensor unaligned, as any slice may be.
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(Shape shape, DType dtype = DType::f32)
      : block_(Tensor::empty({shape.numel() + 2 * kGuard}, dtype)) {
    for (int64_t i = 0; i < block_.numel(); ++i) set(i);
    tensor = block_.slice(kGuard, std::move(shape));
  }
  bool intact() const {
    const int64_t end = block_.numel() - kGuard;
    for (int64_t i = 0; i < kGuard; ++i)
      if (!is_set(i) || !is_set(end + i)) return false;
    return true;
  }
  Tensor tensor;

 private:
  static constexpr int64_t kGuard = 17;
  static constexpr uint32_t kFill = 0x7FC0BEEF;  // a quiet NaN; as an index, far out of range

  void set(int64_t i) { std::memcpy(block_.bytes() + 4 * i, &kFill, 4); }
  bool is_set(int64_t i) const { return std::memcmp(block_.bytes() + 4 * i, &kFill, 4) == 0; }

  Tensor block_;
};

// Random inputs. Each draw has its own key, so the order in which they are asked for is all that
// matters.
class Draw {
 public:
  explicit Draw(std::string_view name) : rng_(Rng(20220128).fold(name)) {}
  Tensor normal(Shape shape, float scale = 1, float mean = 0) {
    const Tensor x = Guarded(std::move(shape)).tensor;
    const Rng rng = rng_.fold(++draws_);
    for (uint64_t i = 0; float& v : x.data<float>()) v = mean + scale * rng.normal(i++);
    return x;
  }
  // Integers in [low, high).
  Tensor integers(Shape shape, int64_t low, int64_t high) {
    const Tensor x = Guarded(std::move(shape), DType::i32).tensor;
    const Rng rng = rng_.fold(++draws_);
    for (uint64_t i = 0; int32_t & v : x.data<int32_t>())
      v = static_cast<int32_t>(low + static_cast<int64_t>(rng.below(high - low, i++)));
    return x;
  }
  bool chance(double p) { return rng_.fold(++draws_).uniform_double(0) < p; }

 private:
  Rng rng_;
  uint64_t draws_ = 0;
};

inline Tensor copy_of(const Tensor& x) {
  if (x.empty()) return {};
  Tensor copy = Tensor::like(x);
  std::memcpy(copy.bytes(), x.bytes(), static_cast<size_t>(x.byte_size()));
  return copy;
}

enum class Sink { empty, overwrite, accumulate };
using Sinks = std::vector<Sink>;

// Every gradient in every mode, beside neighbours in the same and in other modes.
inline std::vector<Sinks> sink_modes(size_t n) {
  std::vector<Sinks> modes;
  for (Sink s : {Sink::overwrite, Sink::accumulate, Sink::empty}) modes.emplace_back(n, s);
  if (n == 1) return modes;
  for (size_t i = 0; i < n; ++i) {
    modes.emplace_back(n, Sink::empty)[i] = Sink::overwrite;
    modes.emplace_back(n, Sink::overwrite)[i] = Sink::accumulate;
  }
  return modes;
}

// One call of one kernel: its inputs are made and its outputs allocated.
class Call {
 public:
  explicit Call(std::string call_name) : name(std::move(call_name)) {}

  // An output that the kernel overwrites: NaN before.
  Tensor out(std::string what, Shape shape) {
    return add(std::move(what), Guarded(std::move(shape)), Kind::compared);
  }
  // An output that the kernel updates.
  Tensor update(std::string what, const Tensor& before) {
    return add(std::move(what), copied(before), Kind::compared);
  }
  // An input that the kernel may overwrite.
  Tensor scratch(const Tensor& before) { return add("scratch", copied(before), Kind::scratch); }
  GradSink grad(std::string what, Shape shape, Sink sink) {
    if (sink == Sink::empty) return {};
    if (sink == Sink::overwrite) return {out(std::move(what), std::move(shape)), false};
    Draw draw(name + what);
    return {update(std::move(what), draw.normal(std::move(shape))), true};
  }
  void does(std::function<void(const Kernels&)> body) { body_ = std::move(body); }

  // For benches: just the kernel, over whatever the outputs hold.
  void operator()(const Kernels& k) const { body_(k); }

  struct Result {
    std::string name;
    Tensor value;
  };
  // From fresh outputs; returns copies of them.
  std::vector<Result> run(const Kernels& k) const {
    for (const Out& o : outs_)
      std::memcpy(const_cast<Tensor&>(o.memory.tensor).bytes(), o.before.bytes(),
                  static_cast<size_t>(o.before.byte_size()));
    body_(k);
    std::vector<Result> results;
    for (const Out& o : outs_) {
      require(o.memory.intact(), name, ": ", k.name(), " wrote beside ", o.name);
      if (o.kind == Kind::compared) results.push_back({o.name, copy_of(o.memory.tensor)});
    }
    return results;
  }

  // Elements of all outputs.
  int64_t outputs() const {
    int64_t n = 0;
    for (const Out& o : outs_) n += o.memory.tensor.numel();
    return n;
  }

  std::string name;

 private:
  enum class Kind { compared, scratch };
  struct Out {
    std::string name;
    Guarded memory;
    Tensor before;
    Kind kind;
  };

  static Guarded copied(const Tensor& x) {
    Guarded copy(x.shape());
    std::memcpy(copy.tensor.bytes(), x.bytes(), static_cast<size_t>(x.byte_size()));
    return copy;
  }
  Tensor add(std::string what, const Guarded& memory, Kind kind) {
    outs_.push_back({std::move(what), memory, copy_of(memory.tensor), kind});
    return memory.tensor;
  }

  std::function<void(const Kernels&)> body_;
  std::vector<Out> outs_;
};

// The sizes at which vector loops and blocks begin, fit and spill over.
inline constexpr int64_t kSizes[] = {1, 7, 64, 65, 129};

}  // namespace lineage::cases
