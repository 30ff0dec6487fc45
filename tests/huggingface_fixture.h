#pragma once

// Models in Hugging Face's layout beside what a reference implementation computed from them, for
// tests that compare.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lineage/base/testing.h"
#include "lineage/checkpoint/huggingface.h"
#include "lineage/checkpoint/huggingface/config.h"
#include "lineage/checkpoint/huggingface/tensors.h"
#include "lineage/checkpoint/model.h"

namespace lineage::testing {

// |seen - wanted| / |wanted|, in the Euclidean norm; `floor` bounds the denominator from below.
inline double relative_error(const Tensor& seen, const Tensor& wanted, double floor = 0) {
  double difference = 0, norm = 0;
  const auto a = seen.data<float>(), b = wanted.data<float>();
  for (size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference) / std::max(std::sqrt(norm), floor);
}

inline double norm_of(const Tensor& x) {
  double sum = 0;
  for (const float v : x.data<float>()) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

inline double largest_difference(const Tensor& seen, const Tensor& wanted) {
  double largest = 0;
  const auto a = seen.data<float>(), b = wanted.data<float>();
  for (size_t i = 0; i < b.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

// One folder, imported.
class Fixture {
 public:
  explicit Fixture(const fs::path& folder, const ImportOptions& options = {})
      : folder_(folder),
        checkpoint_(temp_ / "checkpoint"),
        config_(read_huggingface_config(folder / "config.json")) {
    import_huggingface(folder, checkpoint_, options);
    model = load_model(checkpoint_, /*with_gradients=*/true);
  }
  // With a scalar head from HEAD.weight and HEAD.bias of `heads`.
  Fixture(const fs::path& folder, const std::string& head, const SafetensorsFile& heads)
      : Fixture(folder) {
    head_ = head;
    GptConfig config = model.config;
    config.scalar_head = true;
    model = make_model(config, true);
    Checkpoint::open(checkpoint_).load(*model.parameters, {.may_lack = kScalarHeadParameters});
    for (const char* part : {".weight", ".bias"}) {
      const Tensor values = heads.read(head + part);
      std::ranges::copy(values.data<float>(),
                        model.parameters->at(std::string("scalar_head") + part)
                            .value.template data<float>()
                            .begin());
    }
  }

  const fs::path& folder() const { return folder_; }
  const fs::path& checkpoint() const { return checkpoint_; }
  SafetensorsFile file(const char* name) const { return SafetensorsFile(folder_ / name); }

  // The tensors `before`NAME of a file, which hold the part of each parameter that `ours` returns:
  // check(name, theirs as rows of ours, our rows). Every such tensor must be one of the model's.
  template <class Ours, class Check>
  void compare(const SafetensorsFile& expected, const std::string& before, const Ours& ours,
               const Check& check) const {
    std::set<std::string> left;
    for (const StoredTensor& t : expected.tensors())
      if (t.name.starts_with(before)) left.insert(t.name);
    for (const HuggingFacePart& part :
         huggingface_parts(*config_.family, config_.model, !config_.model.tied)) {
      const StoredTensor* stored = nullptr;
      // The tensors may be named without the prefix, and the gradients with it.
      for (const std::string_view prefix : config_.family->prefixes)
        if (!stored) stored = expected.find(before + with_prefix({std::string(prefix), ""}, part));
      ASSERT_NE(stored, nullptr) << before << part.theirs;
      left.erase(stored->name);
      const Tensor whole = ours(model.parameters->at(part.ours));
      const Tensor wanted = Tensor::zeros(whole.shape());
      import_part(part, *stored, wanted);
      const int64_t rows = part.order == PartOrder::transposed ? part.shape[1] : part.shape[0];
      check(stored->name, whole.rows(part.row, part.row + rows),
            wanted.rows(part.row, part.row + rows));
    }
    for (const char* part : {".weight", ".bias"})
      if (!head_.empty()) {
        const std::string name = before + head_ + part;
        const Tensor whole = ours(model.parameters->at(std::string("scalar_head") + part));
        check(name, whole, expected.read(name).view(whole.shape()));
        left.erase(name);
      }
    left.erase(before + std::string(config_.family->head));  // tied: the token embedding once more
    EXPECT_TRUE(left.empty()) << *left.begin() << " was not compared";
  }

  Model model;

 private:
  TempFolder temp_;
  fs::path folder_, checkpoint_;
  std::string head_;  // the scalar head's name in files; empty: none
  HuggingFaceConfig config_;
};

}  // namespace lineage::testing
