#include "lineage/checkpoint/model.h"

#include "lineage/base/error.h"

namespace lineage {

Model make_model(const GptConfig& config, bool with_gradients) {
  config.validate("model");
  Model model;
  model.config = config;
  model.parameters = std::make_unique<Parameters>();
  model.gpt = std::make_unique<Gpt>(model.parameters->root(), config);
  model.parameters->allocate(with_gradients);
  return model;
}

Model load_model(const fs::path& folder, bool with_gradients) {
  const Checkpoint checkpoint = Checkpoint::open(folder);
  const GptConfig config = checkpoint.model_config();
  auto tokenizer = checkpoint.load_tokenizer();
  if (tokenizer) check_vocab(*tokenizer, config, folder.string());
  Model model = make_model(config, with_gradients);
  checkpoint.load(*model.parameters);
  model.tokenizer = std::move(tokenizer);
  model.manifest = checkpoint.manifest();
  return model;
}

bool is_content_filter(const Model& model) {
  return model.config.scalar_head && model.manifest.stage == "moderation";
}

const char* scalar_model_name(const Model& model) {
  return is_content_filter(model) ? "a content filter" : "a reward model";
}

void check_vocab(const Tokenizer& tokenizer, const GptConfig& config, const std::string& place,
                 const std::string& help) {
  if (tokenizer.vocab() <= config.vocab) return;
  throw Error(place + ": the tokenizer has " + std::to_string(tokenizer.vocab()) +
                  " tokens; the model has " + std::to_string(config.vocab) +
                  " rows and wants a tokenizer of at most as many",
              help);
}

}  // namespace lineage
