#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// One row of training data from any source: a packed piece of a corpus, a demonstration, an answer
// to be judged, a rollout.
struct Example {
  std::vector<Token> tokens;
  std::vector<float>
      weights;  // of the loss at each token, as a target: 0 on a prompt, 1 on an answer
  std::vector<int32_t>
      starts;  // where further documents begin, ascending, > 0; the first begins at 0
};

// index -> example, the same every time. Immutable: any number of threads may read one.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::string name() const = 0;
  virtual std::string digest() const = 0;  // of the content; goes into the checkpoint's manifest
  virtual int64_t size() const = 0;
  virtual Example get(int64_t index) const = 0;  // 0 <= index < size()
  virtual int64_t length(int64_t index) const {  // of get(index).tokens
    return static_cast<int64_t>(get(index).tokens.size());
  }
  // Tokens [first, first + count) of get(index), with their weights and starts.
  virtual Example piece(int64_t index, int64_t first, int64_t count) const;
};
using DatasetPtr = std::shared_ptr<const Dataset>;

// Examples in memory.
DatasetPtr examples_dataset(std::string name, std::vector<Example> examples);

}  // namespace lineage
