#include "lineage/nn/parameters.h"

#include <algorithm>

#include "lineage/base/config.h"
#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/base/parallel.h"
#include "lineage/base/rng.h"
#include "lineage/ops/tape.h"

namespace lineage {

Parameters::Scope Parameters::Scope::operator/(std::string_view child) const {
  return {all_, name(child)};
}

std::string Parameters::Scope::name(std::string_view leaf) const {
  return path_.empty() ? std::string(leaf) : path_ + "." + std::string(leaf);
}

void Parameters::Scope::normal(Tensor& handle, std::string_view leaf, ParameterKind kind,
                               Shape shape, float std) const {
  all_->add({{name(leaf), kind, {}, {}, 0, true, std}, std::move(shape), &handle});
}

void Parameters::Scope::constant(Tensor& handle, std::string_view leaf, ParameterKind kind,
                                 Shape shape, float value) const {
  all_->add({{name(leaf), kind, {}, {}, 0, false, value}, std::move(shape), &handle});
}

void Parameters::add(Registered r) {
  const int64_t n = r.shape.numel();
  numel_ += n;
  numel_of_[enum_index(r.parameter.kind)] += n;
  registered_.push_back(std::move(r));
}

int64_t Parameters::numel(ParameterKind kind) const { return numel_of_[enum_index(kind)]; }

void Parameters::lay_out() {
  require(all_.empty(), "parameters: allocated twice");
  std::ranges::stable_sort(registered_, {}, [](const Registered& r) { return r.parameter.kind; });
  int64_t at = 0;
  for (Registered& r : registered_) {
    require(!index_.contains(r.parameter.name), "parameters: two are called ", r.parameter.name);
    index_[r.parameter.name] = all_.size();
    r.parameter.begin = at;
    at += r.shape.numel();
    if (r.parameter.kind != ParameterKind::vector) decayed_ = at;
    all_.push_back(r.parameter);
  }
}

void Parameters::hand_out(bool with_gradients) {
  for (size_t i = 0; i < all_.size(); ++i) {
    Parameter& p = all_[i];
    p.value = values_.slice(p.begin, registered_[i].shape);
    if (with_gradients) p.grad = grads_.slice(p.begin, registered_[i].shape);
    *registered_[i].handle = p.value;
  }
  registered_.clear();
}

void Parameters::allocate(bool with_gradients) {
  lay_out();
  values_ = Tensor::zeros({numel_});
  if (with_gradients) grads_ = Tensor::zeros({numel_});
  hand_out(with_gradients);
}

void Parameters::share(const Parameters& other) {
  lay_out();
  const auto same = [](const Parameter& ours, const Parameter& theirs) {
    return ours.name == theirs.name && ours.begin == theirs.begin;
  };
  require(std::ranges::equal(all_, other.all_, same) && numel_ == other.numel_,
          "parameters: the other has ", other.numel_, " elements; wanted the same ", numel_);
  values_ = other.values_;
  hand_out(false);
}

void Parameters::initialize(uint64_t seed) {
  for (Parameter& p : all_) {
    const auto values = p.value.data<float>();
    if (!p.random) {
      std::ranges::fill(values, p.init);
      continue;
    }
    const Rng rng = Rng(seed).fold("parameters").fold(p.name);
    constexpr int64_t kGrain = 1 << 14;
    parallel_for(p.value.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        values[i] = p.init * rng.normal(static_cast<uint64_t>(i));
    });
  }
}

void Parameters::watch(Tape& tape, bool accumulate) const {
  for (const Parameter& p : all_) tape.watch(p.value, p.grad, accumulate);
}

std::map<std::string, Shape> Parameters::registered_shapes() const {
  std::map<std::string, Shape> shapes;
  for (const Registered& r : registered_) shapes[r.parameter.name] = r.shape;
  return shapes;
}

const Parameter& Parameters::at(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  if (it == index_.end()) {
    std::vector<std::string> names;
    for (const Parameter& p : all_) names.push_back(p.name);
    const std::string near = nearest_name(name, names);
    throw Error("parameters: none is called " + std::string(name),
                near.empty() ? "" : "did you mean " + near + "?");
  }
  return all_[it->second];
}

}  // namespace lineage
