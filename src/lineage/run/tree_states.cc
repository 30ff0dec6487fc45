#include "lineage/run/tree_states.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/checkpoint/checkpoint.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/metrics_file.h"
#include "lineage/report/growth_record.h"
#include "lineage/run/models.h"
#include "lineage/stages/grow.h"

namespace lineage {
namespace {

constexpr const char* kManifest = "manifest.json";
constexpr const char* kShownAllTheSame = "; the nodes that are grown are shown all the same";

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    entries.push_back(at->path());
  std::ranges::sort(entries);
  return entries;
}

// K of a folder seed-K.
std::optional<uint64_t> seed_of_folder(const std::string& name) {
  constexpr std::string_view kSeed = "seed-";
  if (!name.starts_with(kSeed)) return {};
  uint64_t seed = 0;
  const auto [end, error] =
      std::from_chars(name.data() + kSeed.size(), name.data() + name.size(), seed);
  if (error != std::errc() || end != name.data() + name.size()) return {};
  return seed;
}

// Where a link leads, also when nothing is there yet.
fs::path target_of(const fs::path& link) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(link, error);
  return error ? link : real;
}

TreeNode& node_called(TreeState& tree, const std::string& name) {
  const auto at = std::ranges::find(tree.nodes, name, &TreeNode::name);
  if (at != tree.nodes.end()) return *at;
  tree.nodes.push_back({.name = name});
  return tree.nodes.back();
}

NodeState* state_of(TreeNode& node, uint64_t seed) {
  const auto at = std::ranges::find(node.seeds, seed, &NodeState::seed);
  return at == node.seeds.end() ? nullptr : &*at;
}

bool was_begun(const fs::path& folder) {
  for (const fs::path& entry : sorted_entries(folder)) {
    const std::string name = entry.filename().string();
    if (name == "metrics.jsonl" || name.starts_with("training-")) return true;
  }
  return false;
}

// A node that `grow` has still to grow, or grows now.
NodeState ungrown_state(const fs::path& folder, uint64_t seed) {
  NodeState state{.seed = seed, .folder = folder};
  if (FolderLock::holder_of(folder))
    state.status = NodeStatus::growing;
  else if (was_begun(folder))
    state.status = NodeStatus::paused;
  if (state.status == NodeStatus::waiting) return state;
  if (const auto line = last_metrics_line(folder / "metrics.jsonl"))
    state.step = line->step, state.tokens = line->tokens;
  return state;
}

// The steps of a node in all: what was planned, or what it took from another seed.
std::optional<int64_t> steps_of(const TreeNode& node, const GrowthRecord& growth) {
  if (const auto planned = growth.steps.find(node.name); planned != growth.steps.end())
    return planned->second;
  for (const NodeState& s : node.seeds)
    if (s.status == NodeStatus::grown) return s.step;
  return {};
}

}  // namespace

std::string file_stamp(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) return "";
  const auto time = fs::last_write_time(file, error).time_since_epoch().count();
  return error ? "" : fmt::format("{}:{}", size, time);
}

bool TreeState::growing() const {
  return std::ranges::any_of(nodes, [](const TreeNode& n) {
    return std::ranges::find(n.seeds, NodeStatus::growing, &NodeState::status) != n.seeds.end();
  });
}

const TreeNode* TreeState::node(const std::string& called) const {
  const auto at = std::ranges::find(nodes, called, &TreeNode::name);
  return at == nodes.end() ? nullptr : &*at;
}

std::vector<std::string> TreeReader::names(const fs::path& run) {
  std::error_code error;
  if (!fs::is_directory(run / "trees", error))
    throw Error(run.string() + ": has no folder trees; wanted a run folder",
                "lineage grow RECIPE --out RUN makes one; lineage serve RUN serves it");
  std::vector<std::string> names;
  for (const fs::path& entry : sorted_entries(run / "trees"))
    if (fs::is_directory(entry, error) && !entry.filename().string().starts_with('.'))
      names.push_back(entry.filename().string());
  return names;
}

std::vector<TreeState> TreeReader::read(const fs::path& run) {
  std::vector<TreeState> trees;
  for (const std::string& name : names(run)) trees.push_back(read_tree(run, name));
  return trees;
}

TreeState TreeReader::read_tree(const fs::path& run, const std::string& name) {
  TreeState tree{.name = name, .folder = run / "trees" / name};
  const auto record = read_growth_record(tree.folder);
  const GrowthRecord growth = record.value_or(GrowthRecord{});
  const KnownRecipe& recipe = recipe_of(tree.folder, growth.recipe);
  tree.problem = recipe.problem;
  if (const fs::path file = tree.folder / "growth.json"; !record && fs::exists(file))
    tree.problem =
        file.string() + ": cannot be read; wanted what `lineage grow` writes" + kShownAllTheSame;
  tree.nodes = recipe.nodes;
  add_seed(tree, tree.folder, recipe.seed ? *recipe.seed : grown_seed(tree.folder));
  for (const fs::path& entry : sorted_entries(tree.folder))
    if (const auto seed = seed_of_folder(entry.filename().string())) add_seed(tree, entry, *seed);
  std::erase_if(tree.nodes, [](const TreeNode& n) { return n.seeds.empty(); });
  std::ranges::sort(tree.seeds);
  name_parents(tree);
  for (TreeNode& node : tree.nodes) {
    if (const auto control = growth.controls.find(node.name); control != growth.controls.end())
      node.control = true, node.control_of = control->second;
    std::ranges::sort(node.seeds, {}, &NodeState::seed);
    for (NodeState& s : node.seeds) s.steps = s.steps ? s.steps : steps_of(node, growth);
  }
  return tree;
}

const TreeReader::KnownRecipe& TreeReader::recipe_of(const fs::path& tree,
                                                     const std::string& toml) {
  KnownRecipe& known = recipes_[tree];
  if (known.toml == toml) return known;
  known = {.toml = toml};
  try {
    // As merged: what it extends is in it.
    const Recipe recipe =
        parse_recipe(toml, (tree / "growth.json").string() + ": its recipe", {R"(extends="")"});
    known.seed = recipe.seed;
    for (const RecipeNode& n : recipe.nodes) {
      const StageText text = stage_of(n).text(n);
      known.nodes.push_back({.name = n.name,
                             .stage = n.stage,
                             .kind = std::string(enum_name(text.kind)),
                             .title = text.title,
                             .parents = n.parents,
                             .control = n.control,
                             .control_of = n.control_of});
    }
  } catch (const Error& e) {  // of another version
    known.problem = std::string(e.what()) + kShownAllTheSame;
  }
  return known;
}

const Manifest& TreeReader::manifest_of(const fs::path& folder) {
  const fs::path file = current_file(folder, kManifest);
  const std::string stamp = file_stamp(file);
  KnownManifest& known = manifests_[folder];
  if (stamp.empty() || known.stamp != stamp) {
    known.stamp.clear();
    known.manifest = parse_manifest(read_file(file), file.string());
    known.stamp = stamp;
  }
  return known.manifest;
}

// The seed of a tree whose recipe is not known: that of its models; 0 where there is none yet.
uint64_t TreeReader::grown_seed(const fs::path& links) {
  for (const fs::path& entry : sorted_entries(links)) try {
      if (Checkpoint::exists(entry)) return manifest_of(target_of(entry)).seed;
    } catch (const Error&) {  // add_grown() says it
    }
  return 0;
}

void TreeReader::add_grown(TreeState& tree, const fs::path& link, uint64_t seed) {
  NodeState state{.seed = seed, .folder = target_of(link)};
  TreeNode& node = node_called(tree, link.filename().string());
  try {
    require(Checkpoint::exists(state.folder), link.string(), ": leads to ", state.folder.string(),
            ", where no checkpoint lies; `lineage grow` grows it again");
    const Manifest& m = manifest_of(state.folder);
    state.status = NodeStatus::grown;
    state.step = m.step, state.tokens = m.tokens, state.steps = m.step;
    state.key = m.identity.empty() ? m.weights : m.identity;
    if (node.stage.empty()) {
      node.stage = m.stage, node.title = m.stage_text.title;
      node.kind = enum_name(m.stage_text.kind);
    }
  } catch (const Error& e) {
    state.status = NodeStatus::unreadable;
    state.problem = e.what();
  }
  node.seeds.push_back(std::move(state));
}

void TreeReader::add_seed(TreeState& tree, const fs::path& links, uint64_t seed) {
  std::error_code error;
  bool any = false;
  for (const fs::path& entry : sorted_entries(links)) {
    const std::string name = entry.filename().string();
    if (name.starts_with('.') || seed_of_folder(name)) continue;
    if (!fs::is_symlink(entry, error) && !Checkpoint::exists(entry)) continue;
    add_grown(tree, entry, seed);
    any = true;
  }
  for (const fs::path& entry : sorted_entries(links / kGrowing)) {
    if (!fs::is_symlink(entry, error)) continue;
    const fs::path folder = target_of(entry);
    any = true;
    TreeNode& node = node_called(tree, entry.filename().string());
    NodeState* before = state_of(node, seed);
    if (before && before->folder == folder) continue;  // grown since, and not unlinked yet
    if (Checkpoint::exists(folder)) {                  // likewise, and not linked yet
      if (!before) add_grown(tree, entry, seed);
      continue;
    }
    NodeState state = ungrown_state(folder, seed);
    // In place of a former version's model.
    if (before)
      *before = std::move(state);
    else
      node.seeds.push_back(std::move(state));
  }
  if (any && std::ranges::find(tree.seeds, seed) == tree.seeds.end()) tree.seeds.push_back(seed);
}

// Of nodes that the recipe does not name, by the digests of weights.
void TreeReader::name_parents(TreeState& tree) {
  std::map<std::string, std::string> names;
  const auto each_grown = [&](const auto& f) {
    for (TreeNode& node : tree.nodes)
      for (const NodeState& s : node.seeds)
        if (s.status == NodeStatus::grown) f(node, manifest_of(s.folder));
  };
  each_grown([&](TreeNode& node, const Manifest& m) { names[m.weights] = node.name; });
  each_grown([&](TreeNode& node, const Manifest& m) {
    if (!node.parents.empty()) return;
    for (const std::string& parent : m.parents) {
      const auto at = names.find(parent);
      node.parents.push_back(at == names.end() ? short_digest(parent) : at->second);
    }
  });
}

}  // namespace lineage
