#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lineage/nn/gpt.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

enum class HuggingFaceFamily : uint8_t { gpt2, opt };
std::string_view model_type(HuggingFaceFamily);  // as config.json says it: "gpt2"

struct HuggingFaceConfig {
  HuggingFaceFamily family = HuggingFaceFamily::gpt2;
  GptConfig model;
  std::string family_by;  // what told the family where model_type is absent; empty: model_type
};

// Absent keys have the defaults of transformers. An Error names the key of anything that would
// change the model's output and that we do not have.
HuggingFaceConfig read_huggingface_config(const fs::path& config_json);

// The family that can say this model; an Error naming the key that none can say.
HuggingFaceFamily family_of(const GptConfig&, const std::string& place);
// The tokens at which a model of this tokenizer stops: end of text, and, when it is tuned, of
// turns.
nlohmann::ordered_json huggingface_eos_ids(const Tokenizer*, bool tuned);
// config.json of that family; the tokenizer (or null) gives the ids of the special tokens.
std::string huggingface_config_json(HuggingFaceFamily, const GptConfig&, const Tokenizer*);

}  // namespace lineage
