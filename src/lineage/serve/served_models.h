#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lineage/checkpoint/model.h"
#include "lineage/run/models.h"

namespace lineage {

// What a model of this server is for.
enum class ModelUse : uint8_t { language, reward, moderation };
constexpr std::array<std::string_view, 3> enum_names(ModelUse) {
  return {"language", "reward", "moderation"};
}

// A model that can be asked for: what its folder says of it. The scheduler has its weights.
struct ServedModel {
  std::string id;      // as short as it is clear: "davinci", "gpt35-nano/seed-2/davinci"
  std::string name;    // whole: "gpt35-nano/davinci"
  std::string parent;  // the id of the model that it was trained from; "" if that is not here
  fs::path folder;
  Manifest manifest;
  GptConfig config;
  ModelUse use = ModelUse::language;
  double threshold = 1;  // of a moderation model: the probability from which it flags
  int64_t created = 0;   // Unix time
  // Of the files at the start; a checkpoint that is removed or replaced while it is served is an
  // Error when its weights are read.
  std::shared_ptr<const Tokenizer> tokenizer;
};

// The models of run folders and checkpoints' folders. Immutable, so any thread may use it.
class ServedModels {
 public:
  // Every model with a tokenizer below the paths. `default_model` answers requests that name none;
  // "": the only language model, if there is one. An Error when there is no model, or the default
  // is none of them. `notes`: models that are left out, and why.
  ServedModels(const std::vector<std::string>& paths, const std::string& default_model,
               std::vector<std::string>* notes = nullptr);

  const std::vector<std::shared_ptr<const ServedModel>>& all() const { return models_; }
  // By id or by whole name; "" is the default. An ApiError of status 404 for any other.
  std::shared_ptr<const ServedModel> called(const std::string& name) const;
  // The same; an ApiError of status 400 for a model of another use.
  std::shared_ptr<const ServedModel> called(const std::string& name, ModelUse) const;
  // The model of requests that name none, or nullptr.
  const std::shared_ptr<const ServedModel>& default_model() const { return default_; }
  // The only model of that use, or nullptr.
  std::shared_ptr<const ServedModel> only(ModelUse) const;
  // The tokenizer that all models share, or nullptr.
  std::shared_ptr<const Tokenizer> shared_tokenizer() const;

 private:
  std::vector<std::shared_ptr<const ServedModel>> models_;
  std::shared_ptr<const ServedModel> default_;
};

}  // namespace lineage
