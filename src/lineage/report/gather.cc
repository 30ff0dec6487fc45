#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lineage/base/config.h"
#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/base/version.h"
#include "lineage/checkpoint/checkpoint.h"
#include "lineage/data/provenance.h"
#include "lineage/report/feedback_results.h"
#include "lineage/report/growth_record.h"
#include "lineage/report/metrics_curves.h"
#include "lineage/report/report.h"
#include "lineage/report/scores.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// A checkpoint of the tree with the files beside it.
struct Found {
  Manifest manifest;
  GptConfig model;
  NodeMetrics metrics;
  std::optional<ReportReward> reward;
  std::optional<ReportFeedback> feedback;
};

// The tree's folder: RUN itself when it is one, else RUN/trees/TREE, or the only one there.
fs::path tree_folder(const fs::path& run, const std::string& tree) {
  const fs::path trees = run / "trees";
  if (!fs::is_directory(trees)) {
    if (fs::is_directory(run) && !tree.empty())
      throw Error(fmt::format("{}: no folder of trees, of which --tree could name {}; wanted a run "
                              "folder",
                              run.string(), tree),
                  "leave --tree out to report this tree itself");
    if (fs::is_directory(run)) return run;
    throw Error(fmt::format("{}: no such folder; wanted a run folder, as `lineage grow` makes it",
                            run.string()),
                "lineage grow RECIPE --out " + run.string());
  }
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(trees))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  if (!tree.empty()) {
    if (std::ranges::find(names, tree) == names.end())
      throw Error(fmt::format("{}: no tree {}; wanted one of {}", trees.string(), tree,
                              fmt::join(names, ", ")));
    return trees / tree;
  }
  if (names.size() == 1) return trees / names[0];
  if (names.empty())
    throw Error(fmt::format("{}: no tree has been grown here", trees.string()),
                "lineage grow RECIPE --out " + run.string());
  throw Error(
      fmt::format("{}: {} trees; wanted the name of one of them", trees.string(), names.size()),
      fmt::format("add --tree with one of {}", fmt::join(names, ", ")));
}

Found read_node(const fs::path& folder) {
  const Checkpoint checkpoint = Checkpoint::open(folder);
  Found found{checkpoint.manifest(), checkpoint.model_config(),
              read_metrics(folder / "metrics.jsonl"), read_reward(folder), read_feedback(folder)};
  if (found.manifest.node.empty()) found.manifest.node = folder.filename().string();
  return found;
}

// All checkpoints of a tree: its nodes, then those of its seeds' folders below it. One that cannot
// be read goes into `unread`, so that the others are still reported.
std::vector<Found> find_checkpoints(const fs::path& folder, std::vector<Error>& unread) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory()) entries.push_back(entry.path());
  std::ranges::sort(entries);
  std::vector<Found> result;
  for (const fs::path& entry : entries) {
    if (!Checkpoint::exists(entry)) continue;
    try {
      result.push_back(read_node(entry));
    } catch (const Error& e) {
      unread.push_back(e);
    }
  }
  for (const fs::path& entry : entries)
    if (!Checkpoint::exists(entry))
      std::ranges::move(find_checkpoints(entry, unread), std::back_inserter(result));
  return result;
}

// Digests of the data that all seeds of a node share.
std::map<std::string, std::string> given_data(const Manifest& m) {
  std::map<std::string, std::string> digests;
  for (const auto& [name, json] : m.datasets)
    if (!json.value("generated", false)) digests[name] = json.value("digest", "");
  return digests;
}

// Whether two models are one node grown from two seeds, and not from two versions of its recipe.
bool same_node(const Manifest& a, const Manifest& b) {
  return a.stage == b.stage && a.config == b.config && a.tokenizer == b.tokenizer &&
         a.parents.size() == b.parents.size() && given_data(a) == given_data(b);
}

// Leaves out models of an earlier version of the recipe in the tree's folder: the first model of a
// node defines the node.
std::vector<Found> consistent(std::vector<Found> all, std::vector<std::string>& notes) {
  std::map<std::string, Manifest> first;
  for (const Found& f : all) first.try_emplace(f.manifest.node, f.manifest);
  std::set<std::string> left_out;  // weights; their children go with them
  for (size_t before = 1; before != left_out.size();) {
    before = left_out.size();
    for (const Found& f : all)
      if (!same_node(first.at(f.manifest.node), f.manifest) ||
          std::ranges::any_of(f.manifest.parents, [&](auto& p) { return left_out.contains(p); }))
        left_out.insert(f.manifest.weights);
  }
  std::set<std::pair<std::string, uint64_t>> seen;
  std::vector<Found> result;
  for (Found& f : all) {
    const Manifest& m = f.manifest;
    if (left_out.contains(m.weights))
      notes.push_back(
          fmt::format("{} of seed {} was grown from another version of the recipe and is left out; "
                      "`lineage grow` with --seeds grows it again.",
                      m.node, m.seed));
    else if (seen.emplace(m.node, m.seed).second)
      result.push_back(std::move(f));
  }
  return result;
}

ReportSource source_of(const std::string& name, const nlohmann::json& json) {
  ReportSource source;
  source.name = name;
  source.kind = json.value("kind", "");
  source.licence = json.value("licence", "");
  source.documents = json.value("documents", int64_t{0});
  source.tokens = json.value("tokens", int64_t{0});
  source.epochs = json.value("epochs", 0.0);
  source.digest = json.value("digest", "");
  source.trained = static_cast<int64_t>(source.epochs * static_cast<double>(source.tokens) + 0.5);
  return source;
}

ReportNode node_of(const Found& found, const std::map<std::string, std::string>& names,
                   const GrowthRecord& growth) {
  const Manifest& m = found.manifest;
  ReportNode node;
  node.name = m.node;
  node.stage = m.stage;
  node.kind = enum_names(m.stage_text.kind)[enum_index(m.stage_text.kind)];
  node.title = m.stage_text.title;
  node.about = m.stage_text.about;
  constexpr size_t kShort = 12;
  for (const std::string& parent : m.parents) {
    const auto it = names.find(parent);
    node.parents.push_back(it == names.end() ? parent.substr(0, kShort) : it->second);
  }
  if (const auto control = growth.controls.find(m.node); control != growth.controls.end()) {
    node.control = true;
    node.control_of = control->second;
  }
  node.parameters = parameter_count(found.model);
  node.layers = found.model.layers;
  node.width = found.model.width;
  node.context = found.model.context;
  node.tokens = m.tokens;
  node.steps = m.step;
  node.config = m.config;
  node.tokenizer = m.tokenizer;
  for (const auto& [name, json] : m.datasets) node.data.push_back(source_of(name, json));
  return node;
}

// Parents before children, otherwise in the given order.
std::vector<ReportNode> in_order(std::vector<ReportNode> nodes) {
  std::set<std::string> waiting;
  for (const ReportNode& n : nodes) waiting.insert(n.name);
  std::vector<ReportNode> result;
  while (!nodes.empty()) {
    const auto ready = std::ranges::find_if(nodes, [&](const ReportNode& n) {
      return std::ranges::none_of(n.parents, [&](const auto& p) { return waiting.contains(p); });
    });
    const auto next = ready == nodes.end() ? nodes.begin() : ready;  // a circle: cannot be
    waiting.erase(next->name);
    result.push_back(std::move(*next));
    nodes.erase(next);
  }
  return result;
}

// In the recipe's order; nodes that it does not name are last.
void sort_by_recipe(std::vector<ReportNode>& nodes, const std::string& recipe) {
  std::vector<std::string> names;
  try {
    names = ConfigNode::parse(recipe, "recipe").child("nodes").keys();
  } catch (const Error&) {
    return;  // only the order is lost
  }
  std::ranges::stable_sort(nodes, {}, [&](const ReportNode& n) {
    return std::ranges::find(names, n.name) - names.begin();
  });
}

void add_nodes(Report& report, std::vector<Found>& found, const GrowthRecord& growth) {
  std::map<std::string, std::string> names;  // weights -> node
  for (const Found& f : found) names[f.manifest.weights] = f.manifest.node;
  std::map<std::string, size_t> index;
  std::set<uint64_t> seeds;
  for (Found& f : found) {
    const Manifest& m = f.manifest;
    if (index.try_emplace(m.node, report.nodes.size()).second)
      report.nodes.push_back(node_of(f, names, growth));
    seeds.insert(m.seed);
    report.nodes[index[m.node]].grown.push_back(
        {m.seed, m.weights, m.identity, m.created, m.code, f.metrics.seconds});
    const auto add = [&](auto& all, auto& part) {
      part.node = m.node;
      part.seed = m.seed;
      all.push_back(std::move(part));
    };
    for (ReportCurve& curve : f.metrics.curves) add(report.curves, curve);
    for (ReportEvent& event : f.metrics.events) add(report.events, event);
    if (f.reward) add(report.rewards, *f.reward);
    if (f.feedback) add(report.feedback, *f.feedback);
  }
  for (ReportNode& n : report.nodes) std::ranges::sort(n.grown, {}, &GrownModel::seed);
  sort_by_recipe(report.nodes, growth.recipe);
  report.nodes = in_order(std::move(report.nodes));
  report.seeds.assign(seeds.begin(), seeds.end());
  const auto place = [&](const auto& part) {
    return std::pair(std::ranges::find(report.nodes, part.node, &ReportNode::name), part.seed);
  };
  std::ranges::stable_sort(report.rewards, {}, place);
  std::ranges::stable_sort(report.feedback, {}, place);
  report.words = words_of(report);
}

Report gathered(const fs::path& folder) {
  Report report;
  std::vector<Error> unread;
  std::vector<Found> all = find_checkpoints(folder, unread);
  if (all.empty() && !unread.empty()) throw Error(unread[0]);
  for (const Error& e : unread)
    report.notes.push_back(fmt::format("{}; this model is left out{}{}", e.what(),
                                       e.hint().empty() ? "" : ": ", e.hint()));
  std::vector<Found> found = consistent(std::move(all), report.notes);
  if (found.empty())
    throw Error(fmt::format("{}: no grown node lies here", folder.string()),
                "lineage grow RECIPE grows them");
  const auto growth = read_growth_record(folder).value_or(GrowthRecord{});
  report.name = fs::canonical(folder).filename().string();
  report.created = utc_now();
  report.code = kVersion;
  report.recipe = growth.recipe;
  for (const GrowthRun& r : growth.runs)
    report.runs.push_back({r.command, r.machine, r.code, r.started, r.seconds});
  add_nodes(report, found, growth);
  return report;
}

}  // namespace

Report gather_tree(const fs::path& run, const std::string& tree) {
  return gathered(tree_folder(run, tree));
}

Report gather_report(const fs::path& run, const std::string& tree) {
  const fs::path folder = tree_folder(run, tree);
  Report report = gathered(folder);
  // RUN/trees/RECIPE, or a folder of nodes by itself.
  for (const fs::path& place : {fs::canonical(folder) / "../..", folder})
    if (const fs::path scores = place / "scores.sqlite"; fs::exists(scores)) {
      add_scores(report, scores);
      break;
    }
  return report;
}

}  // namespace lineage
