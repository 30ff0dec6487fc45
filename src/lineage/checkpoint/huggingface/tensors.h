#pragma once

#include <string>
#include <vector>

#include "lineage/checkpoint/huggingface/family.h"
#include "lineage/checkpoint/safetensors.h"

namespace lineage {

// Every parameter of the model, in the order in which transformers writes them. With `head` the
// list ends in the head, which in a tied model is the token embedding again.
std::vector<HuggingFacePart> huggingface_parts(const HuggingFaceFamily&, const GptConfig&,
                                               bool head);

// The prefixes of a file's names. The wrapper's ("module." of DataParallel, "_orig_mod." of
// torch.compile), if the model was saved in one, precedes all of them.
struct TensorPrefixes {
  std::string body;     // of all but the head: "module.transformer."
  std::string wrapper;  // of the head: "module."
};
std::string with_prefix(const TensorPrefixes&, const HuggingFacePart&);

// Found by the name of the embedding of tokens or, if it is absent, of positions: behind one of the
// family's prefixes and any wrapper. An Error when both are absent.
TensorPrefixes find_prefixes(const HuggingFaceFamily&, std::span<const HuggingFacePart>,
                             const SafetensorsFolder&, const std::string& place);
// The prefixes in transformers of the whole model with its head.
TensorPrefixes default_prefixes(const HuggingFaceFamily&);
// Not a parameter: a mask or an index that transformers computes by itself.
bool is_buffer(const HuggingFaceFamily&, std::string_view name);
// Whether it is of another head than a language model's: a value head, … `name` without wrapper.
bool is_other_head(std::string_view name);

// theirs -> its rows of `ours` (f32), and back.
void import_part(const HuggingFacePart&, const StoredTensor& theirs, const Tensor& ours);
Tensor export_part(const HuggingFacePart&, const StoredTensor& ours);

}  // namespace lineage
