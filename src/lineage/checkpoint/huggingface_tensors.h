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

inline constexpr std::string_view kHeadName = "lm_head.weight";  // has the wrapper's prefix alone
// What a file's names begin with. What wrapped the model when it was saved ("module." of
// DataParallel, "_orig_mod." of torch.compile) stands before all of them.
struct TensorPrefixes {
  std::string body;     // of all but the head: "module.transformer."
  std::string wrapper;  // of the head: "module."
};
std::string with_prefix(const TensorPrefixes&, const std::string& theirs);

// From where the file has the embedding of tokens or of positions: "transformer." or none for
// GPT-2; "model.decoder.", "decoder." or none for OPT; before it any wrapper. An Error when it is
// nowhere.
TensorPrefixes find_prefixes(HuggingFaceFamily, const SafetensorsFolder&, const std::string& place);
// Those that transformers gives the whole model with its head.
TensorPrefixes default_prefixes(HuggingFaceFamily);
// The part of theirs that holds the tokens' embedding.
std::string token_embedding(HuggingFaceFamily);
// Not a parameter: a mask or an index that transformers computes by itself.
bool is_buffer(std::string_view name);
// Of another head than a language model's: a value head, a classifier. `name` without wrapper.
bool is_other_head(std::string_view name);

// theirs -> its rows of `ours` (f32), and back.
void import_part(const HuggingFacePart&, const StoredTensor& theirs, const Tensor& ours);
Tensor export_part(const HuggingFacePart&, const StoredTensor& ours);

}  // namespace lineage
