#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lineage/base/json.h"
#include "lineage/checkpoint/huggingface/family.h"
#include "lineage/nn/gpt.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

struct HuggingFaceConfig {
  const HuggingFaceFamily* family = nullptr;
  GptConfig model;
  std::string family_by;  // the keys that marked the family; empty if model_type names it
};

// Absent keys have the defaults of transformers. An Error names the key of any unsupported feature
// that would change the model's output.
HuggingFaceConfig read_huggingface_config(const JsonObject& config_json);
HuggingFaceConfig read_huggingface_config(const fs::path& config_json);

// The first family whose config.json can express this model: written and read again it is the same.
// An Error names the fields that would change.
const HuggingFaceFamily& writable_family(const GptConfig&, const std::string& place);
// The tokens at which a model of this tokenizer stops: end of text, and, when it is tuned, of
// turns.
nlohmann::ordered_json huggingface_eos_ids(const Tokenizer*, bool tuned);
// config.json of that family; the tokenizer (or null) has the ids of the special tokens.
std::string huggingface_config_json(const HuggingFaceFamily&, const GptConfig&, const Tokenizer*);

}  // namespace lineage
