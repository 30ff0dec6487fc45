#include "lineage/data/dataset.h"

#include <cassert>
#include <span>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

template <class T>
void add_array(Digest& digest, const std::vector<T>& values) {
  digest.field(
      std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
}

class ExamplesDataset final : public Dataset {
 public:
  ExamplesDataset(std::string name, std::vector<Example> examples)
      : name_(std::move(name)), examples_(std::move(examples)) {
    Digest digest;
    digest.field("examples");
    for (const Example& e : examples_) {
      require(e.tokens.size() == e.weights.size(), "dataset ", name_, ": an example has ",
              e.tokens.size(), " tokens and ", e.weights.size(), " weights; wanted as many");
      add_array(digest, e.tokens);
      add_array(digest, e.weights);
      add_array(digest, e.starts);
    }
    digest_ = digest.hex();
  }
  std::string name() const override { return name_; }
  std::string digest() const override { return digest_; }
  int64_t size() const override { return static_cast<int64_t>(examples_.size()); }
  Example get(int64_t index) const override { return at(index); }
  int64_t length(int64_t index) const override {
    return static_cast<int64_t>(at(index).tokens.size());
  }

 private:
  const Example& at(int64_t index) const {
    assert(index >= 0 && index < size());
    return examples_[index];
  }
  std::string name_, digest_;
  std::vector<Example> examples_;
};

}  // namespace

Example Dataset::piece(int64_t index, int64_t first, int64_t count) const {
  const Example all = get(index);
  assert(first >= 0 && first + count <= static_cast<int64_t>(all.tokens.size()));
  Example out;
  out.tokens.assign(all.tokens.begin() + first, all.tokens.begin() + first + count);
  out.weights.assign(all.weights.begin() + first, all.weights.begin() + first + count);
  for (const int32_t s : all.starts)
    if (s > first && s < first + count) out.starts.push_back(s - static_cast<int32_t>(first));
  return out;
}

DatasetPtr examples_dataset(std::string name, std::vector<Example> examples) {
  return std::make_shared<ExamplesDataset>(std::move(name), std::move(examples));
}

}  // namespace lineage
