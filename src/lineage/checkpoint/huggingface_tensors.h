#pragma once

#include <string>
#include <vector>

#include "lineage/checkpoint/huggingface_config.h"
#include "lineage/checkpoint/safetensors.h"

namespace lineage {

// One tensor of theirs and the rows of ours that it is.
struct HuggingFacePart {
  std::string theirs;       // without the prefix: "h.0.attn.c_attn.weight"
  std::string ours;         // "blocks.0.attention.qkv.weight"
  Shape shape;              // of theirs
  int64_t row = 0;          // where its rows begin in ours: OPT has q, k and v apart
  bool transposed = false;  // GPT-2's Conv1D weights are (in, out)
};

// Every parameter of the model, in the order that transformers writes them. With `head` the list
// ends in lm_head.weight, which in a tied model is the token embedding once more.
std::vector<HuggingFacePart> huggingface_parts(HuggingFaceFamily, const GptConfig&, bool head);

inline constexpr std::string_view kHeadName = "lm_head.weight";  // never has the prefix
std::string with_prefix(std::string_view prefix, const std::string& theirs);

// The prefix of a file's names, from where it has the token embedding: "transformer." or none for
// GPT-2; "model.decoder.", "decoder." or none for OPT. An Error when it is nowhere.
std::string find_prefix(HuggingFaceFamily, const SafetensorsFolder&, const std::string& place);
// The prefix that transformers gives the whole model with its head.
std::string default_prefix(HuggingFaceFamily);
// Not a parameter: a mask or an index that transformers computes by itself.
bool is_buffer(std::string_view name);

// theirs -> its rows of `ours` (f32), and back.
void import_part(const HuggingFacePart&, const StoredTensor& theirs, const Tensor& ours);
Tensor export_part(const HuggingFacePart&, const StoredTensor& ours);

}  // namespace lineage
