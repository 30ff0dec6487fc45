#pragma once

#include <memory>

#include "lineage/checkpoint/checkpoint.h"

namespace lineage {

// A model in memory, shared by inference, stages and the command line. Moveable: the Gpt holds
// handles into the parameters, which do not move.
struct Model {
  GptConfig config;
  std::unique_ptr<Parameters> parameters;
  std::unique_ptr<Parameters> adapters{};  // null when it has none (adapters.h)
  std::unique_ptr<Gpt> gpt;
  std::shared_ptr<const Tokenizer> tokenizer;  // null when the checkpoint has none
  Manifest manifest;

  // What a stage trains: the adapters, if there are any, and then `parameters` stay as they are.
  Parameters& trained() const { return adapters ? *adapters : *parameters; }
};

// Memory for a model of this architecture, its values not set yet (zeros).
Model make_model(const GptConfig&, bool with_gradients);

// From a checkpoint's folder, with its weights and tokenizer.
Model load_model(const fs::path& folder, bool with_gradients = false);

// Whether its scalar head judges requests, not answers (stages/moderation.cc); and what a model
// with a scalar head is called in messages, "a reward model" or "a content filter".
bool is_content_filter(const Model&);
const char* scalar_model_name(const Model&);

// An Error unless every token of the tokenizer has a row in the model's vocabulary. The model may
// have more rows: some are padded to a round number.
void check_vocab(const Tokenizer&, const GptConfig&, const std::string& place,
                 const std::string& help = "use the tokenizer that the model was trained with");

}  // namespace lineage
