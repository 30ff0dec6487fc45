#include "lineage/run/models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

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

std::string short_digest(const std::string& digest) {
  constexpr size_t kShown = 12;
  return digest.substr(0, kShown);
}

}  // namespace lineage
