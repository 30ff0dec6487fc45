#pragma once

#include <string>
#include <vector>

#include "lineage/nn/gpt.h"

namespace lineage {

// One tensor of theirs and its rows of ours.
struct HuggingFacePart {
  std::string theirs;       // without the prefix: "h.0.attn.c_attn.weight"
  std::string ours;         // "blocks.0.attention.qkv.weight"
  Shape shape;              // of theirs
  int64_t row = 0;          // where its rows begin in ours: OPT has separate q, k, v
  bool transposed = false;  // GPT-2's Conv1D weights are (in, out)
};

// Collects the parts of a model, weight and bias in one call.
class PartList {
 public:
  void table(const std::string& theirs, const std::string& ours, int64_t rows, int64_t width) {
    parts_.push_back({theirs, ours, {rows, width}});
  }
  void norm(const std::string& theirs, const std::string& ours, int64_t width) {
    parts_.push_back({theirs + ".weight", ours + ".weight", {width}});
    parts_.push_back({theirs + ".bias", ours + ".bias", {width}});
  }
  void conv1d(const std::string& theirs, const std::string& ours, int64_t in, int64_t out) {
    parts_.push_back({theirs + ".weight", ours + ".weight", {in, out}, 0, true});
    parts_.push_back({theirs + ".bias", ours + ".bias", {out}});
  }
  void linear(const std::string& theirs, const std::string& ours, int64_t in, int64_t out,
              int64_t row = 0) {
    parts_.push_back({theirs + ".weight", ours + ".weight", {out, in}, row});
    parts_.push_back({theirs + ".bias", ours + ".bias", {out}, row});
  }
  std::vector<HuggingFacePart> take() { return std::move(parts_); }

 private:
  std::vector<HuggingFacePart> parts_;
};

}  // namespace lineage
