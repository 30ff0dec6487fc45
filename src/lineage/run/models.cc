#include "lineage/run/models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lineage/base/config.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

std::vector<FoundModel> models_below(const fs::path& folder) {
  std::vector<FoundModel> models;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code unreadable;
    const bool hidden = at->path().filename().string().starts_with('.');  // as .growing of a tree
    const bool model = !hidden && at->is_directory(unreadable) && Checkpoint::exists(at->path());
    if (model) models.push_back({at->path().lexically_relative(folder).string(), at->path()});
    if (model || hidden) at.disable_recursion_pending();
  }
  std::ranges::sort(models, {}, &FoundModel::folder);
  return models;
}

std::string listed(const std::vector<FoundModel>& models) {
  constexpr size_t kShown = 12;
  std::vector<std::string> names;
  for (const FoundModel& m : models) {
    if (names.size() == kShown) {
      names.push_back(fmt::format("… {} in all", models.size()));
      break;
    }
    names.push_back(m.folder.string());
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// RUN/trees/*/NAME, for somebody who typed the name alone.
std::vector<FoundModel> models_named(const fs::path& name, const fs::path& run) {
  if (name.empty() || name.has_parent_path()) return {};
  std::vector<FoundModel> models = find_models(run);
  std::erase_if(models, [&](const FoundModel& m) { return m.folder.filename() != name; });
  return models;
}

ptrdiff_t depth(const FoundModel& m) { return std::ranges::count(m.name, '/'); }

// The models that a name means, the nearest ones to the trees' folder alone.
std::vector<FoundModel> meant_by(const std::string& name, const std::vector<FoundModel>& all) {
  std::vector<FoundModel> found;
  for (const FoundModel& m : all)
    if (m.name == name || m.name.ends_with("/" + name)) found.push_back(m);
  if (found.empty()) return found;
  const ptrdiff_t least = depth(*std::ranges::min_element(found, {}, depth));
  std::erase_if(found, [&](const FoundModel& m) { return depth(m) > least; });
  return found;
}

FoundModel model_called(const std::string& name, const std::vector<FoundModel>& all,
                        const fs::path& run) {
  std::vector<FoundModel> found = meant_by(name, all);
  if (found.empty()) {
    std::vector<std::string> names;
    for (const FoundModel& m : all) names.push_back(m.folder.filename().string());
    const std::string near = nearest_name(name, names);
    throw Error(
        fmt::format("{}: no model is called \"{}\"; wanted one that is there", run.string(), name),
        near.empty() ? "its models: " + listed(all) : "did you mean " + near + "?");
  }
  if (distinct_folders(found).size() > 1)
    throw Error(fmt::format("{}: {} models are called \"{}\"; wanted the name of one", run.string(),
                            found.size(), name),
                "with its tree: " + found[0].name);
  return found[0];
}

bool is_run(const fs::path& folder) {
  std::error_code error;
  return fs::is_directory(folder / "trees", error) || fs::is_directory(folder / "nodes", error);
}

}  // namespace

std::vector<FoundModel> find_models(const fs::path& path) {
  if (Checkpoint::exists(path)) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    return {{(error ? path : real).filename().string(), path}};
  }
  for (const char* below : {"trees", "nodes"})
    if (auto models = models_below(path / below); !models.empty()) return models;
  return models_below(path);
}

std::vector<fs::path> distinct_folders(const std::vector<FoundModel>& models) {
  std::vector<fs::path> folders;
  for (const FoundModel& m : models) folders.push_back(fs::canonical(m.folder));
  std::ranges::sort(folders);
  folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
  return folders;
}

std::optional<fs::path> run_of(const fs::path& model) {
  std::error_code error;
  const fs::path above = fs::canonical(model, error).parent_path();
  if (error || above.filename() != "nodes") return {};
  for (fs::path at = model.lexically_normal(); at.has_parent_path() && at != at.parent_path();) {
    at = at.parent_path();
    if (fs::equivalent(at / "nodes", above, error)) return at;
  }
  return above.parent_path();
}

fs::path scores_file(const fs::path& model_or_run) {
  if (Checkpoint::exists(model_or_run))
    if (const auto run = run_of(model_or_run)) return *run / "scores.sqlite";
  return model_or_run / "scores.sqlite";
}

Checkpoint open_checkpoint(const std::string& folder, const fs::path& default_run) {
  if (Checkpoint::exists(folder)) return Checkpoint::open(folder);
  if (const auto models = find_models(folder); !models.empty())
    throw Error(folder + (is_run(folder) ? ": is a run folder; wanted one of its models"
                                         : ": is a folder of models; wanted one of them"),
                "its models: " + listed(models));
  if (const auto models = models_named(folder, default_run); !models.empty() && !fs::exists(folder))
    throw Error(folder + ": no such folder; wanted a model's", "did you mean " + listed(models));
  return Checkpoint::open(folder);
}

Model load_prompted_model(const std::string& folder) {
  open_checkpoint(folder);  // for its Errors about other folders
  Model model = load_model(folder);
  if (model.config.scalar_head)
    throw Error(fmt::format("{}: is {}; wanted a language model to give a prompt to", folder,
                            scalar_model_name(model)),
                is_content_filter(model)
                    ? "its parent in the tree is one"
                    : "lineage score MODEL FILE --reward has it judge answers");
  if (!model.tokenizer)
    throw Error(folder + ": has no tokenizer; wanted one to read the prompt with",
                "import the model again from a folder that holds its tokenizer's files");
  return model;
}

std::vector<FoundModel> models_called(const std::vector<std::string>& names, const fs::path& run) {
  const std::vector<FoundModel> all = find_models(run);
  require(!all.empty(), run.string(), ": no model there; wanted a run folder");
  std::vector<FoundModel> models;
  for (const std::string& name : names) {
    FoundModel m = model_called(name, all, run);
    for (const FoundModel& other : models)
      require(!fs::equivalent(m.folder, other.folder), run.string(), ": \"", name,
              "\" is the model ", other.name, ", which is named already; wanted each once");
    models.push_back(std::move(m));
  }
  return models;
}

std::string short_digest(const std::string& digest) {
  constexpr size_t kShown = 12;
  return digest.substr(0, kShown);
}

}  // namespace lineage
