#pragma once

#include <array>
#include <map>
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
  // Of the files when they were found; a checkpoint that is removed or replaced since is an Error
  // when its weights are read.
  std::shared_ptr<const Tokenizer> tokenizer;
};

// The models of run folders and checkpoints' folders, also those that are grown while they are
// served. Any thread may use it.
class ServedModels {
 public:
  using List = std::vector<std::shared_ptr<const ServedModel>>;
  // Every model with a tokenizer below the paths. `default_model` answers requests that name none;
  // "": the only language model, if there is one. An Error when there is no model, or the default
  // is none of them. `notes`: models that are left out, and why.
  ServedModels(const std::vector<std::string>& paths, const std::string& default_model,
               std::vector<std::string>* notes = nullptr);

  // Looks again at what is below the paths: folders and manifests, no weights, which takes
  // milliseconds. New models are added, removed ones leave, and those that stay keep their ids.
  void look_again();
  List all() const;
  // By id or by whole name; "" is the default. Looks again before it throws an ApiError of status
  // 404 for any other.
  std::shared_ptr<const ServedModel> called(const std::string& name);
  // The same; an ApiError of status 400 for a model of another use.
  std::shared_ptr<const ServedModel> called(const std::string& name, ModelUse);
  // The model of requests that name none, or nullptr. It is chosen once, at the start.
  std::shared_ptr<const ServedModel> default_model() const;
  // The only model of that use, or nullptr.
  std::shared_ptr<const ServedModel> only(ModelUse) const;
  // The tokenizer that all models share, or nullptr.
  std::shared_ptr<const Tokenizer> shared_tokenizer() const;

 private:
  // A checkpoint's folder at the last look.
  struct Seen {
    fs::path folder;
    std::string found_as;                      // its path below the one that is served
    std::string stamp;                         // of its files
    std::shared_ptr<const ServedModel> model;  // nullptr: not served
  };
  // `notes`: of the first look, which throws for a path whose only model cannot be read.
  void look(std::vector<std::string>* notes);
  void list_seen();
  std::vector<std::string> names_beside(const fs::path& folder, const std::vector<Seen>& now) const;
  std::shared_ptr<const ServedModel> found(const std::string& name) const;

  const std::vector<std::string> paths_;
  std::mutex looking_;  // held while folders are read: guards the next two
  std::vector<Seen> seen_;
  std::map<std::string, std::shared_ptr<const Tokenizer>> tokenizers_;  // by digest
  mutable std::mutex listed_;  // held for moments: guards the next two
  List models_;
  std::shared_ptr<const ServedModel> default_;
};

}  // namespace lineage
