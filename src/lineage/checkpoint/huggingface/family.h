#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "lineage/base/json.h"
#include "lineage/checkpoint/huggingface/parts.h"

namespace lineage {

// A family of models with a class in Hugging Face's transformers. Everything specific to a family
// is in its row, one file each; families.cc lists them.
struct HuggingFaceFamily {
  std::string_view model_type;                 // as in config.json: "gpt2"
  std::string_view class_prefix;               // of the names in "architectures": "GPT2"
  std::span<const std::string_view> prefixes;  // of all tensors but the head; exports use the first
  std::span<const std::string_view> buffers;   // ends of the names of tensors that are not weights

  // Of the keys vocab_size, tie_word_embeddings and the special tokens' ids, which all families
  // share, only vocab_size is read here. Absent keys have the defaults of transformers; an Error
  // names the key of a variant whose output would differ from ours.
  GptConfig (*read)(const JsonObject& config);
  // The family's own keys. A value that they cannot express is left out: the model then reads back
  // as another one, and writable_family() refuses it.
  nlohmann::ordered_json (*write)(const GptConfig&);
  // Adds every parameter but the head, in the order in which transformers writes them.
  void (*add_parts)(PartList&, const GptConfig&);
  // The keys that mark a config.json with neither model_type nor architectures; "" if it lacks
  // them. Null: every config.json of the family has its type.
  std::string_view (*marks)(const JsonObject& config) = nullptr;
  bool tied = true;                          // where config.json does not say
  std::string_view head = "lm_head.weight";  // the output head's name, behind no prefix
  std::string_view preset = {};              // of recipes, which grows models of it; empty: none
};

// All families, in the order in which an export tries them.
std::span<const HuggingFaceFamily* const> huggingface_families();
const HuggingFaceFamily* find_huggingface_family(std::string_view model_type);  // or null
std::string huggingface_family_names();  // "\"gpt2\" or \"opt\""

}  // namespace lineage
