#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <span>
#include <vector>

namespace lineage {

enum class DType : uint8_t { f32, i32 };
enum class Device : uint8_t { cpu, cuda };

int64_t size_of(DType);  // bytes an element

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<int64_t> dims) : dims_(std::move(dims)) {}
  int64_t operator[](int axis) const { return dims_[axis < 0 ? axis + rank() : axis]; }
  int rank() const { return static_cast<int>(dims_.size()); }
  int64_t numel() const;  // 1 for a scalar shape []
  std::span<const int64_t> dims() const { return dims_; }
  bool operator==(const Shape&) const = default;
  friend std::ostream& operator<<(std::ostream&, const Shape&);  // [8, 1024, 768]

 private:
  std::vector<int64_t> dims_;
};

// A shape over a shared block of memory: contiguous, row-major, on one device. Copying a Tensor
// copies the handle. There are no strides, so no kernel asks whether its input is contiguous, and
// no autograd inside: the tape knows tensors by id(). A handle may be used from any thread; the
// elements are guarded by whoever shares them.
class Tensor {
 public:
  Tensor() = default;
  static Tensor empty(Shape, DType = DType::f32, Device = Device::cpu);  // uninitialised
  static Tensor zeros(Shape, DType = DType::f32, Device = Device::cpu);
  static Tensor full(Shape, float value);
  static Tensor from(Shape, std::span<const float> values);
  static Tensor from(Shape, std::span<const int32_t> values);
  static Tensor like(const Tensor& x) { return empty(x.shape(), x.dtype(), x.device()); }

  // The same elements under another shape. Keeps id(): a view and its base share one gradient.
  Tensor view(Shape) const;
  // Elements [begin, begin + shape.numel()) of the block, sharing memory. A new id().
  Tensor slice(int64_t begin, Shape) const;
  // Rows [begin, end) of the first axis, sharing memory. A new id().
  Tensor rows(int64_t begin, int64_t end) const;

  const Shape& shape() const { return shape_; }
  int64_t dim(int axis) const { return shape_[axis]; }
  int64_t numel() const { return storage_ ? shape_.numel() : 0; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  uint64_t id() const { return id_; }
  bool empty() const { return storage_ == nullptr; }

  // The elements: T is float or int32_t and must match dtype(). Throws otherwise.
  template <class T>
  std::span<T> data() const;
  const std::byte* bytes() const { return storage_.get() + offset_; }
  std::byte* bytes() { return storage_.get() + offset_; }
  int64_t byte_size() const { return numel() * size_of(dtype_); }

 private:
  std::shared_ptr<std::byte[]> storage_;  // from a caching pool: no malloc after the first step
  int64_t offset_ = 0;                    // bytes
  Shape shape_;
  DType dtype_ = DType::f32;
  Device device_ = Device::cpu;
  uint64_t id_ = 0;
};

}  // namespace lineage
