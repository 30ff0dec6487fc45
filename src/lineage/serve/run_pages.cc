#include "lineage/serve/run_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lineage/base/config.h"
#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/checkpoint/checkpoint.h"
#include "lineage/eval/database.h"
#include "lineage/report/embedded_data.h"
#include "lineage/report/metrics_curves.h"
#include "lineage/report/report.h"
#include "lineage/report/score_differences.h"
#include "lineage/run/models.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/front.h"

namespace lineage {
namespace {

constexpr std::string_view kTrees = "/v1/lineage/trees", kCurves = "/v1/lineage/curves",
                           kDifferences = "/v1/lineage/differences", kReport = "/v1/lineage/report";
constexpr int kFast = 3;  // a level of zlib: a report has many megabytes

std::string asked_for(const HttpRequest& request, std::string_view key) {
  return query_of(request.target, key).value_or("");
}

std::string wanted_of(const HttpRequest& request, const std::string& key) {
  std::string value = asked_for(request, key);
  if (value.empty())
    throw ApiError(400, fmt::format("{} is absent; GET /v1/lineage/trees says what there is", key),
                   key);
  return value;
}

// A number from 0 up; `fallback` where there is none.
int64_t number_of(const HttpRequest& request, const std::string& key, int64_t fallback) {
  const auto text = query_of(request.target, key);
  if (!text) return fallback;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < 0)
    throw ApiError(400, fmt::format("{} is '{}'; wanted a whole number from 0 up", key, *text),
                   key);
  return value;
}

// RUN and TREE of a path RUN/trees/TREE.
std::optional<ShownRun> as_tree(const fs::path& path) {
  const fs::path trees = path.parent_path();
  std::error_code error;
  if (trees.filename() != "trees" || !fs::is_directory(path, error) || Checkpoint::exists(path))
    return {};
  return ShownRun{trees.parent_path().empty() ? "." : trees.parent_path(), path.filename()};
}

std::string names_listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& n : names) text += (text.empty() ? "" : ", ") + n;
  return text.empty() ? "none" : text;
}

struct AskedTree {
  fs::path run;
  std::string name;
};

// `tree` in `run`; the run may be left out where one alone has the tree.
AskedTree asked_tree(const std::vector<ShownRun>& runs, const HttpRequest& request) {
  const std::string tree = wanted_of(request, "tree"), run = asked_for(request, "run");
  std::vector<AskedTree> found;
  std::vector<std::string> known;
  for (const ShownRun& r : runs) {
    if (!run.empty() && r.run != run) continue;
    for (const std::string& name : r.trees()) {
      known.push_back(name);
      if (name == tree) found.push_back({r.run, name});
    }
  }
  if (found.empty())
    throw ApiError(
        404,
        fmt::format("no tree '{}'{}; wanted one of: {}", tree,
                    run.empty() ? "" : " in the served run folder " + run, names_listed(known)),
        "tree", "no_tree");
  if (found.size() > 1)
    throw ApiError(400,
                   fmt::format("{} served run folders have a tree '{}'; wanted `run`, too",
                               found.size(), tree),
                   "run");
  return found[0];
}

const TreeNode& asked_node(const TreeState& tree, const HttpRequest& request, const char* key) {
  const std::string name = wanted_of(request, key);
  if (const TreeNode* node = tree.node(name)) return *node;
  std::vector<std::string> known;
  for (const TreeNode& n : tree.nodes) known.push_back(n.name);
  throw ApiError(404,
                 fmt::format("the tree {} has no node '{}'; wanted one of: {}", tree.name, name,
                             names_listed(known)),
                 key, "no_node");
}

const NodeState& seed_of(const TreeNode& node, uint64_t seed) {
  const auto at = std::ranges::find(node.seeds, seed, &NodeState::seed);
  if (at != node.seeds.end()) return *at;
  throw ApiError(404, fmt::format("{} has no seed {}", node.name, seed), "seed", "no_seed");
}

// A response with a tag of its content, or that the client has it.
HttpResponse tagged(const HttpRequest& request, const std::string& tag) {
  HttpResponse r{200,
                 {{"Content-Type", "application/json"},
                  {"Cache-Control", "no-cache"},  // asked for again, and 304 where it is the same
                  {"ETag", tag},
                  {"Vary", "Accept-Encoding"}},
                 ""};
  if (request.header("if-none-match") == tag) r.status = 304;
  return r;
}

std::string tag_of(const std::string& content) {
  constexpr size_t kDigits = 16;
  return '"' + digest_of(content).substr(0, kDigits) + '"';
}

OrderedJson state_json(const NodeState& s) {
  OrderedJson j = {{"seed", s.seed},      {"status", enum_name(s.status)},
                   {"step", s.step},      {"steps", nullptr},
                   {"tokens", s.tokens},  {"model", nullptr},
                   {"problem", s.problem}};
  if (s.steps) j["steps"] = *s.steps;
  return j;
}

std::map<fs::path, std::string> ids_by_folder(ServedModels& models) {
  std::map<fs::path, std::string> ids;
  for (const auto& m : models.all()) ids[m->folder] = m->id;
  return ids;
}

OrderedJson answer_json(const ComparedAnswer& a) {
  OrderedJson j = {{"text", a.text}, {"score", a.score}, {"right", nullptr}};
  if (a.right) j["right"] = *a.right;
  return j;
}

OrderedJson difference_json(const ItemDifference& d) {
  return {{"item", d.item}, {"prompt", d.prompt},          {"wanted", d.wanted},
          {"gain", d.gain}, {"from", answer_json(d.from)}, {"node", answer_json(d.node)}};
}

OrderedJson tree_json(const fs::path& run, const TreeState& tree,
                      const std::map<fs::path, std::string>& ids) {
  OrderedJson j = {{"run", run.string()},          {"tree", tree.name},
                   {"seeds", tree.seeds},          {"growing", tree.growing()},
                   {"problem", tree.problem},      {"measured", fs::exists(run / "scores.sqlite")},
                   {"nodes", OrderedJson::array()}};
  for (const TreeNode& n : tree.nodes) {
    OrderedJson node = {{"name", n.name},
                        {"stage", n.stage},
                        {"kind", n.kind},
                        {"title", n.title},
                        {"parents", n.parents},
                        {"control", n.control},
                        {"control_of", n.control_of},
                        {"seeds", OrderedJson::array()}};
    for (const NodeState& s : n.seeds) {
      OrderedJson state = state_json(s);
      if (const auto id = ids.find(s.folder); id != ids.end() && !s.key.empty())
        state["model"] = id->second;
      node["seeds"].push_back(std::move(state));
    }
    j["nodes"].push_back(std::move(node));
  }
  return j;
}

// The keys of the tree's nodes in the database of scores.
std::vector<std::string> keys_of_tree(const TreeState& tree) {
  std::vector<std::string> keys;
  for (const TreeNode& n : tree.nodes)
    for (const NodeState& s : n.seeds)
      if (!s.key.empty()) keys.push_back(s.key);
  return keys;
}

// The seed to compare two nodes of: the first that both are grown of, unless one is named.
uint64_t compared_seed(const HttpRequest& request, const TreeNode& node, const TreeNode& from) {
  if (query_of(request.target, "seed")) return static_cast<uint64_t>(number_of(request, "seed", 0));
  for (const NodeState& s : node.seeds)
    for (const NodeState& other : from.seeds)
      if (s.seed == other.seed && !s.key.empty() && !other.key.empty()) return s.seed;
  throw ApiError(404, fmt::format("{} and {} are grown of no common seed", node.name, from.name),
                 "from", "nothing_grown");
}

// Of the files that a report is made of.
std::string stamp_of(const fs::path& run, const TreeState& tree, bool scores) {
  std::string stamp = file_stamp(tree.folder / "growth.json");
  for (const TreeNode& n : tree.nodes)
    for (const NodeState& s : n.seeds)
      stamp += fmt::format(" {}={}", s.folder.string(),
                           s.key.empty() ? ""
                                         : file_stamp(s.folder / "manifest.json") +
                                               file_stamp(s.folder / "metrics.jsonl"));
  if (scores)
    for (const char* file : {"scores.sqlite", "scores.sqlite-wal"})
      stamp += " " + file_stamp(run / file);
  return stamp;
}

}  // namespace

std::vector<std::string> ShownRun::trees() const {
  std::vector<std::string> names = TreeReader::names(run);
  if (tree) std::erase_if(names, [&](const std::string& n) { return n != *tree; });
  return names;
}

std::vector<ShownRun> shown_runs(const std::vector<std::string>& served) {
  std::vector<ShownRun> runs;
  std::error_code error;
  const auto shown = [&](const ShownRun& r) {
    return std::ranges::any_of(runs, [&](const ShownRun& other) {
      return fs::equivalent(r.run, other.run, error) && (!other.tree || other.tree == r.tree);
    });
  };
  for (const std::string& path : served)  // whole runs first: a tree of one is shown once
    if (fs::is_directory(fs::path(path) / "trees", error) && !shown({path})) runs.push_back({path});
  for (const std::string& path : served) {
    if (fs::is_directory(fs::path(path) / "trees", error)) continue;
    auto tree = as_tree((fs::path(path) / "").lexically_normal().parent_path());
    if (!tree) tree = as_tree(fs::canonical(path, error));
    if (tree && !shown(*tree)) runs.push_back(std::move(*tree));
  }
  return runs;
}

RunPages::RunPages(const std::vector<std::string>& served, ServedModels& models)
    : runs_(shown_runs(served)), models_(models) {}

bool RunPages::has(std::string_view path) {
  return path == kTrees || path == kCurves || path == kDifferences;
}

HttpResponse RunPages::answer(const HttpRequest& request, const std::string& path) {
  if (path == kTrees) return trees(request);
  return path == kCurves ? curves(request) : differences(request);
}

HttpResponse RunPages::trees(const HttpRequest& request) {
  models_.look_again();
  const auto ids = ids_by_folder(models_);
  OrderedJson body = {{"trees", OrderedJson::array()}, {"problems", OrderedJson::array()}};
  for (const ShownRun& r : runs_) try {
      for (const std::string& name : r.trees())
        body["trees"].push_back(tree_json(r.run, reader_.read_tree(r.run, name), ids));
    } catch (const Error& e) {
      body["problems"].push_back({{"run", r.run.string()}, {"problem", e.what()}});
    }
  const std::string text = dumped(body);
  HttpResponse r = tagged(request, tag_of(text));
  if (r.status == 200) r.body = text;
  return r;
}

HttpResponse RunPages::curves(const HttpRequest& request) {
  const AskedTree at = asked_tree(runs_, request);
  const TreeState tree = reader_.read_tree(at.run, at.name);
  const TreeNode& node = asked_node(tree, request, "node");
  const uint64_t seed = query_of(request.target, "seed")
                            ? static_cast<uint64_t>(number_of(request, "seed", 0))
                            : node.seeds.front().seed;
  const NodeState& state = seed_of(node, seed);
  const fs::path file = state.folder / "metrics.jsonl";
  OrderedJson body = {{"run", at.run.string()}, {"tree", at.name},   {"node", node.name},
                      {"stage", node.stage},    {"kind", node.kind}, {"title", node.title}};
  body.update(state_json(state));
  body.erase("model");
  HttpResponse r = tagged(request, tag_of(dumped(body) + file_stamp(file)));
  if (r.status == 304) return r;
  const NodeMetrics metrics = read_metrics(file);
  body["seconds"] = nullptr;
  if (metrics.seconds) body["seconds"] = *metrics.seconds;
  body["curves"] = OrderedJson::array();
  for (const ReportCurve& c : metrics.curves)
    body["curves"].push_back({{"metric", c.metric},
                              {"tag", c.tag},
                              {"heldout", c.heldout},
                              {"tokens", c.tokens},
                              {"values", c.values}});
  body["events"] = OrderedJson::array();
  for (const ReportEvent& e : metrics.events)
    body["events"].push_back({{"step", e.step}, {"text", e.text}});
  r.body = dumped(body);
  return r;
}

HttpResponse RunPages::differences(const HttpRequest& request) {
  constexpr int64_t kItems = 20, kMost = 200;
  const AskedTree at = asked_tree(runs_, request);
  const TreeState tree = reader_.read_tree(at.run, at.name);
  const TreeNode& node = asked_node(tree, request, "node");
  const TreeNode& from = asked_node(tree, request, "from");
  const std::string row = wanted_of(request, "ability"), which = asked_for(request, "which");
  if (!which.empty() && which != "gained" && which != "lost")
    throw ApiError(
        400, fmt::format("which is '{}'; wanted gained or lost, or none for both", which), "which");
  const auto offset = number_of(request, "offset", 0), limit = number_of(request, "limit", kItems);
  if (limit > kMost)
    throw ApiError(400, fmt::format("limit is {}; wanted at most {}", limit, kMost), "limit");
  const uint64_t seed = compared_seed(request, node, from);
  const std::string own = seed_of(node, seed).key, others = seed_of(from, seed).key;
  const fs::path scores = at.run / "scores.sqlite";
  if (own.empty() || others.empty() || !fs::exists(scores))
    throw ApiError(
        404,
        fmt::format("{} and {} of seed {} have not both been measured; `lineage eval {}` "
                    "measures what is grown",
                    node.name, from.name, seed, at.run.string()),
        "seed", "not_measured");
  const Database database(scores, Database::Access::read);
  ScoreDifferences d;
  try {
    d = score_differences(database, keys_of_tree(tree), row, own, others);
  } catch (const Error& e) {
    throw ApiError(404, e.what(), "ability", "not_compared");
  }
  if (!which.empty())
    std::erase_if(d.items,
                  [&](const ItemDifference& i) { return (i.gain > 0) != (which == "gained"); });
  OrderedJson body = {{"tree", at.name},        {"node", node.name},
                      {"from", from.name},      {"ability", row},
                      {"scenario", d.scenario}, {"cell", d.cell},
                      {"seed", seed},           {"gained", d.gained},
                      {"lost", d.lost},         {"same", d.same},
                      {"unscored", d.unscored}, {"total", d.items.size()},
                      {"offset", offset},       {"items", OrderedJson::array()}};
  for (auto i = static_cast<size_t>(offset);
       i < d.items.size() && i < static_cast<size_t>(offset + limit); ++i)
    body["items"].push_back(difference_json(d.items[i]));
  return {200, {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache"}}, dumped(body)};
}

ReportPages::ReportPages(const std::vector<std::string>& served) : runs_(shown_runs(served)) {}

bool ReportPages::has(std::string_view path) { return path == kReport; }

HttpResponse ReportPages::answer(const HttpRequest& request) try {
  return report(request);
} catch (const ApiError& e) {
  return error_response(e);
} catch (const Error& e) {
  const std::string hint = e.hint().empty() ? "" : "; " + e.hint();
  return error_response(ApiError(500, e.what() + hint, {}, "run_unreadable"));
}

HttpResponse ReportPages::report(const HttpRequest& request) {
  const AskedTree at = asked_tree(runs_, request);
  const std::string scores = asked_for(request, "scores");
  if (!scores.empty() && scores != "0" && scores != "1")
    throw ApiError(400, fmt::format("scores is '{}'; wanted 0 or 1", scores), "scores");
  const TreeState tree = reader_.read_tree(at.run, at.name);
  if (keys_of_tree(tree).empty())
    throw ApiError(404, fmt::format("no node of {} is grown yet", at.name), "tree",
                   "nothing_grown");
  const Kept& found = kept(at.run, tree, scores != "0");
  HttpResponse r = tagged(request, found.tag);
  if (r.status == 304) return r;
  const bool zipped =
      request.header("accept-encoding").value_or("").find("gzip") != std::string_view::npos;
  if (zipped) r.headers.emplace_back("Content-Encoding", "gzip");
  r.body = zipped ? found.gzip : found.plain;
  return r;
}

const ReportPages::Kept& ReportPages::kept(const fs::path& run, const TreeState& tree,
                                           bool scores) {
  Kept& known = kept_[fmt::format("{} {}", scores, tree.folder.string())];
  const std::string stamp = stamp_of(run, tree, scores);
  if (known.stamp == stamp) return known;
  const Report report = scores ? gather_report(run, tree.name) : gather_tree(run, tree.name);
  known = {"", report_json(report, -1), "", ""};
  known.gzip = gzip(known.plain, kFast);
  known.tag = tag_of(known.plain);
  known.stamp = stamp;
  return known;
}

}  // namespace lineage
