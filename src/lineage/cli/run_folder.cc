#include "lineage/cli/run_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lineage/base/error.h"
#include "lineage/stages/stage.h"

namespace lineage::cli {
namespace {

std::vector<fs::path> models_below(const fs::path& folder) {
  std::vector<fs::path> models;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code unreadable;
    if (!at->is_directory(unreadable) || !Checkpoint::exists(at->path())) continue;
    models.push_back(at->path());
    at.disable_recursion_pending();
  }
  std::ranges::sort(models);
  return models;
}

std::string listed(const std::vector<fs::path>& models) {
  constexpr size_t kShown = 12;
  std::vector<std::string> names;
  for (const fs::path& m : models) {
    if (names.size() == kShown) {
      names.push_back(fmt::format("… {} in all", models.size()));
      break;
    }
    names.push_back(m.string());
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// runs/trees/*/NAME, for somebody who typed the name alone.
std::vector<fs::path> models_named(const fs::path& name) {
  std::vector<fs::path> found;
  if (name.empty() || name.has_parent_path()) return found;
  for (const fs::path& m : models_of_run("runs"))
    if (m.filename() == name) found.push_back(m);
  return found;
}

}  // namespace

std::vector<fs::path> models_of_run(const fs::path& folder) {
  const std::vector<fs::path> models = models_below(folder / "trees");
  return models.empty() ? models_below(folder / "nodes") : models;
}

std::optional<fs::path> run_of(const fs::path& model) {
  std::error_code error;
  const fs::path above = fs::canonical(model, error).parent_path();
  if (error || above.filename() != "nodes") return {};
  // As the user names it, where the model is named below the run.
  for (fs::path at = model.lexically_normal(); at.has_parent_path() && at != at.parent_path();) {
    at = at.parent_path();
    if (fs::equivalent(at / "nodes", above, error)) return at;
  }
  return above.parent_path();
}

Checkpoint open_checkpoint(const std::string& folder) {
  if (!Checkpoint::exists(folder)) {
    if (const auto models = models_of_run(folder); !models.empty())
      throw Error(folder + ": is a run folder; wanted one of its models",
                  "its models: " + listed(models));
    // A tree's folder, or any other that models lie in.
    if (const auto models = models_below(folder); !models.empty())
      throw Error(folder + ": is a folder of models; wanted one of them",
                  "its models: " + listed(models));
    if (const auto models = models_named(folder); !models.empty() && !fs::exists(folder))
      throw Error(folder + ": no such folder; wanted a model's", "did you mean " + listed(models));
  }
  return Checkpoint::open(folder);
}

bool tuned_on_conversations(const Manifest& manifest) {
  const auto stages = stage_names();
  return std::ranges::find(stages, manifest.stage) != stages.end() &&
         stage_for(manifest.stage, "manifest").tunes_on_conversations();
}

std::string short_digest(const std::string& digest) {
  constexpr size_t kShown = 12;
  return digest.substr(0, kShown);
}

}  // namespace lineage::cli
