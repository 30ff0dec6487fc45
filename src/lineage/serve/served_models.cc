#include "lineage/serve/served_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/checkpoint/node_files.h"
#include "lineage/serve/api_error.h"

namespace lineage {
namespace {

int64_t unix_time(const std::string& created) {
  std::tm t{};
  if (!strptime(created.c_str(), "%Y-%m-%dT%H:%M:%SZ", &t)) return 0;
  return timegm(&t);
}

using Models = std::vector<std::shared_ptr<ServedModel>>;

// The shortest name that means one model alone: the node's, where no other model as near to the
// trees' folder has it.
void name_all(Models& models) {
  const auto depth = [](const std::string& name) { return std::ranges::count(name, '/'); };
  for (const auto& m : models) {
    const std::string node = fs::path(m->name).filename().string();
    const bool clear = std::ranges::none_of(models, [&](const auto& other) {
      return other != m && fs::path(other->name).filename() == node &&
             depth(other->name) <= depth(m->name);
    });
    m->id = clear ? node : m->name;
  }
}

void name_parents(Models& models) {
  for (const auto& m : models) {
    if (m->manifest.parents.empty()) continue;
    const auto parent = std::ranges::find(
        models, m->manifest.parents[0], [](const auto& other) { return other->manifest.weights; });
    if (parent != models.end()) m->parent = (*parent)->id;
  }
}

std::shared_ptr<ServedModel> opened(
    const FoundModel& found, std::map<std::string, std::shared_ptr<const Tokenizer>>& known) {
  const Checkpoint checkpoint = Checkpoint::open(found.folder);
  auto m = std::make_shared<ServedModel>();
  m->name = found.name;
  m->folder = fs::canonical(found.folder);
  m->manifest = checkpoint.manifest();
  m->config = checkpoint.model_config();
  m->created = unix_time(m->manifest.created);
  if (m->config.scalar_head) m->use = ModelUse::reward;
  if (const fs::path report = m->folder / kModerationReport; fs::exists(report)) {
    m->use = ModelUse::moderation;
    m->threshold = JsonObject::load(report).get<double>("threshold");
  }
  auto& tokenizer = known[m->manifest.tokenizer];
  if (!tokenizer) tokenizer = checkpoint.load_tokenizer();
  m->tokenizer = tokenizer;
  return m;
}

std::string listed(const std::vector<std::shared_ptr<const ServedModel>>& models) {
  std::string text;
  for (const auto& m : models) text += (text.empty() ? "" : ", ") + m->id;
  return text;
}

}  // namespace

ServedModels::ServedModels(const std::vector<std::string>& paths, const std::string& default_model,
                           std::vector<std::string>* notes) {
  Models models;
  std::map<std::string, std::shared_ptr<const Tokenizer>> tokenizers;
  const auto note = [&](const std::string& text) {
    if (notes) notes->push_back(text);
  };
  for (const std::string& path : paths) {
    const std::vector<FoundModel> found = find_models(path);
    if (found.empty()) open_checkpoint(path);  // an Error that says what is there
    for (const FoundModel& f : found) try {
        const fs::path folder = fs::canonical(f.folder);
        if (std::ranges::find(models, folder, [](const auto& m) { return m->folder; }) !=
            models.end())
          continue;  // another tree names it too
        auto m = opened(f, tokenizers);
        if (m->tokenizer)
          models.push_back(std::move(m));
        else
          note(f.folder.string() + " has no tokenizer, and is not served");
      } catch (const Error& e) {
        if (found.size() == 1) throw;
        note(std::string(e.what()) + ": not served");
      }
  }
  name_all(models);
  name_parents(models);
  models_.assign(models.begin(), models.end());
  if (models_.empty())
    throw Error(
        "serve: no model with a tokenizer in what was named; wanted a run folder or a "
        "checkpoint's",
        "grow one: lineage grow recipes/gpt35-sprout.toml");
  if (!default_model.empty()) {
    try {
      default_ = called(default_model, ModelUse::language);
    } catch (const ApiError& e) {
      throw Error(std::string("--default-model: ") + e.what(), "the models: " + listed(models_));
    }
  } else {
    default_ = only(ModelUse::language);
  }
}

std::shared_ptr<const ServedModel> ServedModels::called(const std::string& name) const {
  if (name.empty()) {
    if (default_) return default_;
    throw ApiError(400, "model is absent; wanted one of " + listed(models_), "model");
  }
  for (const auto& m : models_)
    if (m->id == name || m->name == name) return m;
  std::vector<std::string> ids;
  for (const auto& m : models_) ids.push_back(m->id);
  const std::string near = nearest_name(name, ids);
  throw ApiError(404,
                 fmt::format("The model '{}' does not exist{}", name,
                             near.empty() ? "; GET /v1/models lists those that do"
                                          : fmt::format("; did you mean '{}'?", near)),
                 "model", "model_not_found");
}

std::shared_ptr<const ServedModel> ServedModels::called(const std::string& name,
                                                        ModelUse use) const {
  auto m = called(name);
  if (m->use != use)
    throw ApiError(400,
                   fmt::format("'{}' is a {} model; wanted a {} model", m->id,
                               enum_names(ModelUse())[static_cast<size_t>(m->use)],
                               enum_names(ModelUse())[static_cast<size_t>(use)]),
                   "model");
  return m;
}

std::shared_ptr<const ServedModel> ServedModels::only(ModelUse use) const {
  std::shared_ptr<const ServedModel> found;
  for (const auto& m : models_)
    if (m->use == use) {
      if (found) return nullptr;
      found = m;
    }
  return found;
}

std::shared_ptr<const Tokenizer> ServedModels::shared_tokenizer() const {
  for (const auto& m : models_)
    if (m->tokenizer->digest() != models_[0]->tokenizer->digest()) return nullptr;
  return models_[0]->tokenizer;
}

}  // namespace lineage
