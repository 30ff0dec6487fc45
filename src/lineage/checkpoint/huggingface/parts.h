#pragma once

#include <string>
#include <vector>

#include "lineage/nn/gpt.h"

namespace lineage {

// The order of elements in a tensor of theirs, where it is not that of ours.
enum class PartOrder : uint8_t {
  same,
  transposed,  // (in, out): GPT-2's Conv1D
  head_major,  // rows of q, k and v of one head, then of the next: (H,3,D), where ours is (3,H,D)
};

// One tensor of theirs and its rows of ours.
struct HuggingFacePart {
  std::string theirs;  // without the prefix: "h.0.attn.c_attn.weight"
  std::string ours;    // "blocks.0.attention.qkv.weight"
  Shape shape;         // of theirs
  int64_t row = 0;     // where its rows begin in ours: OPT has separate q, k, v
  PartOrder order = PartOrder::same;
  int64_t heads = 0;  // of head_major
  bool head = false;  // of the output head, which stands outside of the body's prefix
};

// Collects the parts of a model, weight and bias in one call.
class PartList {
 public:
  void table(const std::string& theirs, const std::string& ours, int64_t rows, int64_t width) {
    parts_.push_back({theirs, ours, {rows, width}});
  }
  void gain(const std::string& theirs, const std::string& ours, int64_t width) {
    parts_.push_back({theirs, ours, {width}});
  }
  void norm(const std::string& theirs, const std::string& ours, int64_t width, bool bias = true) {
    gain(theirs + ".weight", ours + ".weight", width);
    if (bias) gain(theirs + ".bias", ours + ".bias", width);
  }
  void conv1d(const std::string& theirs, const std::string& ours, int64_t in, int64_t out) {
    parts_.push_back({theirs + ".weight", ours + ".weight", {in, out}, 0, PartOrder::transposed});
    parts_.push_back({theirs + ".bias", ours + ".bias", {out}});
  }
  void linear(const std::string& theirs, const std::string& ours, int64_t in, int64_t out,
              bool bias = true, int64_t row = 0) {
    parts_.push_back({theirs + ".weight", ours + ".weight", {out, in}, row});
    if (bias) parts_.push_back({theirs + ".bias", ours + ".bias", {out}, row});
  }
  // Queries, keys and values of all heads in one matrix, head by head.
  void head_major(const std::string& theirs, const std::string& ours, int64_t in, int64_t out,
                  int64_t heads, bool bias = true) {
    parts_.push_back(
        {theirs + ".weight", ours + ".weight", {out, in}, 0, PartOrder::head_major, heads});
    if (bias)
      parts_.push_back({theirs + ".bias", ours + ".bias", {out}, 0, PartOrder::head_major, heads});
  }
  void head(const std::string& theirs, const std::string& ours, int64_t rows, int64_t width) {
    parts_.push_back({.theirs = theirs, .ours = ours, .shape = {rows, width}, .head = true});
  }
  std::vector<HuggingFacePart> take() { return std::move(parts_); }

 private:
  std::vector<HuggingFacePart> parts_;
};

}  // namespace lineage
