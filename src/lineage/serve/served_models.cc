#include "lineage/serve/served_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/node_files.h"
#include "lineage/run/tree_states.h"
#include "lineage/serve/api_error.h"

namespace lineage {
namespace {

int64_t unix_time(const std::string& created) {
  std::tm t{};
  if (!strptime(created.c_str(), "%Y-%m-%dT%H:%M:%SZ", &t)) return 0;
  return timegm(&t);
}

// What `opened` reads of a folder.
std::string stamp_of_files(const fs::path& folder) {
  return file_stamp(current_file(folder, "manifest.json")) + " " +
         file_stamp(folder / kModerationReport);
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

// The name below the path that is served, unless a model of another folder has it.
std::string name_unlike(const std::vector<std::string>& taken, const FoundModel& found,
                        const std::string& path) {
  const auto is_free = [&](const std::string& name) {
    return std::ranges::find(taken, name) == taken.end();
  };
  if (is_free(found.name)) return found.name;
  const std::string longer = fs::canonical(path).filename() / found.name;
  return is_free(longer) ? longer : fs::canonical(found.folder).string();
}

// The shortest name that means the model alone: the node's, where no other model as near to the
// trees' folder has it.
std::string id_among(const ServedModels::List& models, const ServedModel& m) {
  const auto depth = [](const std::string& name) { return std::ranges::count(name, '/'); };
  const std::string node = fs::path(m.name).filename().string();
  const bool clear = std::ranges::none_of(models, [&](const auto& other) {
    return other->name != m.name &&
           (other->id == node ||
            (fs::path(other->name).filename() == node && depth(other->name) <= depth(m.name)));
  });
  return clear ? node : m.name;
}

std::string parent_among(const ServedModels::List& models, const ServedModel& m) {
  if (m.manifest.parents.empty()) return "";
  const auto parent = std::ranges::find(models, m.manifest.parents[0],
                                        [](const auto& other) { return other->manifest.weights; });
  return parent == models.end() ? "" : (*parent)->id;
}

std::string listed(const ServedModels::List& models) {
  std::string text;
  for (const auto& m : models) text += (text.empty() ? "" : ", ") + m->id;
  return text;
}

}  // namespace

ServedModels::ServedModels(const std::vector<std::string>& paths, const std::string& default_model,
                           std::vector<std::string>* notes)
    : paths_(paths) {
  std::vector<std::string> unread;
  for (const std::string& path : paths)
    if (find_models(path).empty()) open_checkpoint(path);  // an Error that says what is there
  look(notes ? notes : &unread);
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

void ServedModels::look_again() {
  const std::lock_guard looking(looking_);
  look(nullptr);
}

void ServedModels::look(std::vector<std::string>* notes) {
  std::vector<Seen> now;
  for (const std::string& path : paths_) {
    const std::vector<FoundModel> found = find_models(path);
    for (const FoundModel& f : found) {
      std::error_code gone;
      Seen s{fs::canonical(f.folder, gone), f.name, "", nullptr};
      if (gone || std::ranges::find(now, s.folder, &Seen::folder) != now.end())
        continue;  // or another tree names it too
      s.stamp = stamp_of_files(s.folder);
      const auto before = std::ranges::find_if(seen_, [&](const Seen& b) {
        return b.folder == s.folder && b.found_as == s.found_as && b.stamp == s.stamp;
      });
      if (before != seen_.end()) {
        now.push_back(*before);
        continue;
      }
      try {
        auto m = opened(f, tokenizers_);
        m->name = name_unlike(names_beside(s.folder, now), f, path);
        if (!m->tokenizer && notes)
          notes->push_back(f.folder.string() + " has no tokenizer, and is not served");
        if (m->tokenizer) s.model = std::move(m);
      } catch (const Error& e) {
        if (notes && found.size() == 1) throw;
        if (notes) notes->push_back(std::string(e.what()) + ": not served");
      }
      now.push_back(std::move(s));
    }
  }
  seen_ = std::move(now);
  list_seen();
}

// What models in other folders are called.
std::vector<std::string> ServedModels::names_beside(const fs::path& folder,
                                                    const std::vector<Seen>& now) const {
  std::vector<std::string> names;
  for (const auto* all : {&seen_, &now})
    for (const Seen& s : *all)
      if (s.model && s.folder != folder) {
        names.push_back(s.model->name);
        names.push_back(s.model->id);
      }
  return names;
}

// Gives new models their ids, and all their parents'. A model whose parent has come is another
// object, since others may read the former.
void ServedModels::list_seen() {
  List models;
  for (const Seen& s : seen_)
    if (s.model) models.push_back(s.model);
  const auto set = [&](std::string ServedModel::*field, const auto& value_of) {
    List changed = models;
    for (auto& m : changed)
      if (const std::string value = value_of(models, *m); value != (*m).*field) {
        auto other = std::make_shared<ServedModel>(*m);
        (*other).*field = value;
        m = std::move(other);
      }
    models = std::move(changed);
  };
  set(&ServedModel::id,
      [](const List& all, const ServedModel& m) { return m.id.empty() ? id_among(all, m) : m.id; });
  set(&ServedModel::parent, parent_among);
  auto m = models.begin();
  for (Seen& s : seen_)
    if (s.model) s.model = *m++;
  const std::lock_guard listed(listed_);
  models_ = std::move(models);
  if (!default_) return;
  const auto same = std::ranges::find(models_, default_->id, [](const auto& x) { return x->id; });
  if (same != models_.end()) default_ = *same;
}

ServedModels::List ServedModels::all() const {
  const std::lock_guard lock(listed_);
  return models_;
}

std::shared_ptr<const ServedModel> ServedModels::default_model() const {
  const std::lock_guard lock(listed_);
  return default_;
}

std::shared_ptr<const ServedModel> ServedModels::found(const std::string& name) const {
  const std::lock_guard lock(listed_);
  for (const auto& m : models_)
    if (m->id == name || m->name == name) return m;
  return nullptr;
}

std::shared_ptr<const ServedModel> ServedModels::called(const std::string& name) {
  if (name.empty()) {
    if (auto m = default_model()) return m;
    throw ApiError(400, "model is absent; wanted one of " + listed(all()), "model");
  }
  if (auto m = found(name)) return m;
  look_again();
  if (auto m = found(name)) return m;
  std::vector<std::string> ids;
  for (const auto& m : all()) ids.push_back(m->id);
  const std::string near = nearest_name(name, ids);
  throw ApiError(404,
                 fmt::format("The model '{}' does not exist{}", name,
                             near.empty() ? "; GET /v1/models lists those that do"
                                          : fmt::format("; did you mean '{}'?", near)),
                 "model", "model_not_found");
}

std::shared_ptr<const ServedModel> ServedModels::called(const std::string& name, ModelUse use) {
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
  for (const auto& m : all())
    if (m->use == use) {
      if (found) return nullptr;
      found = m;
    }
  return found;
}

std::shared_ptr<const Tokenizer> ServedModels::shared_tokenizer() const {
  const List models = all();
  if (models.empty()) return nullptr;
  for (const auto& m : models)
    if (m->tokenizer->digest() != models[0]->tokenizer->digest()) return nullptr;
  return models[0]->tokenizer;
}

}  // namespace lineage
