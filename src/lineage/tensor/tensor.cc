#include "lineage/tensor/tensor.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "lineage/base/error.h"
#include "lineage/tensor/pool.h"

namespace lineage {
namespace {

uint64_t next_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

template <class T>
constexpr DType dtype_of() {
  return std::is_same_v<T, float> ? DType::f32 : DType::i32;
}

template <class T>
Tensor copied(Shape shape, std::span<const T> values) {
  Tensor x = Tensor::empty(std::move(shape), dtype_of<T>());
  require(x.numel() == static_cast<int64_t>(values.size()), "tensor: shape ", x.shape(), " for ",
          values.size(), " values");
  std::copy(values.begin(), values.end(), x.data<T>().begin());
  return x;
}

}  // namespace

int64_t size_of(DType) { return 4; }

int64_t Shape::numel() const {
  int64_t n = 1;
  for (int64_t d : dims_) n *= d;
  return n;
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int i = 0; i < shape.rank(); ++i) out << (i ? ", " : "") << shape[i];
  return out << ']';
}

Tensor Tensor::empty(Shape shape, DType dtype, Device device) {
  Tensor x;
  x.shape_ = std::move(shape);
  x.dtype_ = dtype;
  x.device_ = device;
  x.storage_ = pool::allocate(static_cast<size_t>(x.shape_.numel() * size_of(dtype)));
  x.id_ = next_id();
  return x;
}

Tensor Tensor::zeros(Shape shape, DType dtype, Device device) {
  Tensor x = empty(std::move(shape), dtype, device);
  std::memset(x.bytes(), 0, static_cast<size_t>(x.byte_size()));
  return x;
}

Tensor Tensor::full(Shape shape, float value) {
  Tensor x = empty(std::move(shape));
  std::ranges::fill(x.data<float>(), value);
  return x;
}

Tensor Tensor::from(Shape shape, std::span<const float> values) {
  return copied(std::move(shape), values);
}

Tensor Tensor::from(Shape shape, std::span<const int32_t> values) {
  return copied(std::move(shape), values);
}

Tensor Tensor::view(Shape shape) const {
  require(shape.numel() == numel(), "view: ", shape_, " as ", shape);
  Tensor x = *this;
  x.shape_ = std::move(shape);
  return x;
}

Tensor Tensor::slice(int64_t begin, Shape shape) const {
  require(begin >= 0 && begin + shape.numel() <= numel(), "slice: ", shape, " from element ", begin,
          " of ", shape_);
  Tensor x = *this;
  x.offset_ += begin * size_of(dtype_);
  x.shape_ = std::move(shape);
  x.id_ = next_id();
  return x;
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  require(shape_.rank() >= 1 && 0 <= begin && begin <= end && end <= dim(0), "rows: [", begin, ", ",
          end, ") of ", shape_);
  std::vector<int64_t> dims(shape_.dims().begin(), shape_.dims().end());
  const int64_t row = dims[0] ? numel() / dims[0] : 0;
  dims[0] = end - begin;
  return slice(begin * row, Shape(std::move(dims)));
}

template <class T>
std::span<T> Tensor::data() const {
  require(!empty() && dtype_ == dtype_of<T>() && device_ == Device::cpu, "data: tensor ", shape_,
          empty() ? " is empty" : " holds another type or device");
  return {reinterpret_cast<T*>(storage_.get() + offset_), static_cast<size_t>(numel())};
}
template std::span<float> Tensor::data<float>() const;
template std::span<int32_t> Tensor::data<int32_t>() const;

}  // namespace lineage
