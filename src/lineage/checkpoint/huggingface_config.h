#pragma once

#include <string>

#include "lineage/nn/gpt.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

enum class HuggingFaceFamily : uint8_t { gpt2, opt };
std::string_view model_type(HuggingFaceFamily);  // as config.json says it: "gpt2"

struct HuggingFaceConfig {
  HuggingFaceFamily family = HuggingFaceFamily::gpt2;
  GptConfig model;
};

// Absent keys have the defaults of transformers. An Error names the key of anything that would
// change the model's output and that we do not have.
HuggingFaceConfig read_huggingface_config(const fs::path& config_json);

// The family that can say this model; an Error naming the key that none can say.
HuggingFaceFamily family_of(const GptConfig&, const std::string& place);
// config.json of that family; the tokenizer (or null) gives the ids of the special tokens.
std::string huggingface_config_json(HuggingFaceFamily, const GptConfig&, const Tokenizer*);

}  // namespace lineage
