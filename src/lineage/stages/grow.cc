#include "lineage/stages/grow.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/parallel.h"
#include "lineage/base/task_graph.h"
#include "lineage/checkpoint/model.h"
#include "lineage/data/heldout_split.h"
#include "lineage/data/preferences.h"
#include "lineage/data/prepare.h"
#include "lineage/data/prompts.h"
#include "lineage/stages/preflight.h"
#include "lineage/stages/regrown.h"
#include "lineage/train/machine.h"

namespace lineage {
namespace {

constexpr size_t kShortDigest = 12;
constexpr int64_t kUncut = 1 << 30;  // tokens

double weight_of(const Recipe& recipe, const std::string& name) {
  const auto compared = recipe.preferences.find(name);
  if (compared != recipe.preferences.end()) return compared->second.weight;
  const auto sets = chosen_sets(recipe, {}, {});
  const auto set = sets.find(name);
  return set != sets.end() ? set->second : chosen_texts(recipe, {}, {}).at(name);
}

void warn_of_heldout(const std::string& table, double share, const SourceRecord& record,
                     Progress& progress) {
  const std::string warning = heldout_warning(table, share, record);
  if (!warning.empty()) progress.note("warning: " + warning);
}

// The record of a text or set of a recipe; a text's shards are left in the cache for the stage.
// Sets are not cut here: each stage cuts to its own context.
SourceRecord prepare_data_set(const Recipe& recipe, const std::string& name,
                              const Tokenizer& tokenizer, const PrepareOptions& options,
                              Progress& progress) {
  if (const auto set = recipe.preferences.find(name); set != recipe.preferences.end()) {
    const SourceRecord record = preference_set(name, set->second, tokenizer, kUncut).record;
    warn_of_heldout("preferences." + name, set->second.heldout, record, progress);
    return record;
  }
  if (chosen_sets(recipe, {}, {}).contains(name)) {
    const SourceRecord record = tuning_set(recipe, name, tokenizer, kUncut).record;
    if (const auto files = recipe.conversations.find(name); files != recipe.conversations.end())
      warn_of_heldout("conversations." + name, files->second.heldout, record, progress);
    return record;
  }
  return prepare_texts(recipe, {{name, 1.0}}, tokenizer, options, progress)[0].record;
}

// Conversations of which prompts are read have a digest of their own beside that of the whole ones.
std::string prompts_of(const std::string& name) { return "prompts of " + name; }

SourceRecord prepare_prompts(const Recipe& recipe, const std::string& name,
                             const Tokenizer& tokenizer, Progress& progress) {
  SourceRecord record;
  const ConversationsConfig& config = recipe.conversations.at(name);
  file_prompts(name, config, tokenizer, kUncut, record);
  warn_of_heldout("conversations." + name, config.heldout, record, progress);
  return record;
}

void tell(const std::string& what, const SourceRecord& record, Progress& progress) {
  const std::string left_out = describe_dropped(record);
  progress.note(fmt::format("data {}: {} documents, {} bytes, {} tokens{}{}", what,
                            record.documents, record.bytes, record.tokens,
                            left_out.empty() ? "" : "; ", left_out));
}

std::string identity_of(const RecipeNode& node, const Recipe& recipe, const Tokenizer& tokenizer,
                        const std::map<std::string, std::string>& data,
                        const std::map<std::string, GrownNode>& grown) {
  constexpr std::string_view kScheme = "lineage node 1";
  const Stage& stage = stage_of(node);
  Digest digest;
  digest.field(kScheme).field(node.stage).field(stage.frozen(node));
  digest.field(std::to_string(recipe.seed)).field(tokenizer.digest());
  for (const std::string& parent : node.parents) digest.field(grown.at(parent).identity);
  for (const std::string& source : stage.reads(node, recipe).names())
    digest.field(source).field(fmt::format("{}", weight_of(recipe, source))).field(data.at(source));
  for (const std::string& set : stage.reads(node, recipe).prompts)
    digest.field(prompts_of(set)).field(data.at(prompts_of(set)));
  return digest.hex();
}

// Nodes of the tree whose parent there is not the one that they grew from: it was grown again, and
// they were not.
std::vector<std::string> of_former_parents(const std::filesystem::path& links,
                                           const Recipe& recipe) {
  std::vector<std::string> names;
  for (const RecipeNode& node : recipe.nodes) {
    if (node.parents.empty() || !Checkpoint::exists(links / node.name)) continue;
    const std::vector<std::string> grown_from =
        Checkpoint::open(links / node.name).manifest().parents;
    for (size_t i = 0; i < std::min(grown_from.size(), node.parents.size()); ++i) {
      const std::filesystem::path parent = links / node.parents[i];
      if (!Checkpoint::exists(parent) ||
          Checkpoint::open(parent).manifest().weights == grown_from[i])
        continue;
      names.push_back(node.name);
      break;
    }
  }
  return names;
}

// One run of grow().
class Grower {
 public:
  Grower(const Recipe& recipe, const GrowOptions& options, Communicator& ranks, Progress& progress)
      : recipe_(recipe), options_(options), ranks_(ranks), progress_(progress) {}

  std::vector<GrownNode> run();

 private:
  // `work` on rank 0 first, which writes to disk what the others read.
  template <class Work>
  auto on_rank0_first(const Work& work) {
    if (ranks_.rank() != 0) ranks_.barrier();
    auto result = work();
    if (ranks_.rank() == 0) ranks_.barrier();
    return result;
  }
  bool ever_grown(const std::string& node) const;
  std::map<std::string, std::string> prepare_data(const std::vector<const RecipeNode*>&);
  void say_why_regrown(const RecipeNode&, const std::map<std::string, std::string>& data);
  void name_growing(const std::vector<RecipeNode>&);
  void grow_all(const std::vector<RecipeNode>&, const std::vector<NodeToGrow>&);
  void grow_node(const RecipeNode&, const GrownNode&, Progress&, std::function<bool()> interrupted);

  const Recipe& recipe_;
  const GrowOptions& options_;
  Communicator& ranks_;
  Progress& progress_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::map<std::string, GrownNode> grown_;
  std::filesystem::path links_;
  double peak_gflops_ = 0;
};

std::map<std::string, std::string> Grower::prepare_data(
    const std::vector<const RecipeNode*>& nodes) {
  std::set<std::string> used, prompts;
  for (const RecipeNode* n : nodes) {
    const StageReads reads = stage_of(*n).reads(*n, recipe_);
    for (const std::string& s : reads.names()) used.insert(s);
    prompts.insert(reads.prompts.begin(), reads.prompts.end());
  }
  // Cheap checks of all of them precede the slow work on the first.
  std::map<std::string, double> texts = chosen_texts(recipe_, {}, {});
  std::erase_if(texts, [&](const auto& text) { return !used.contains(text.first); });
  check_texts(recipe_, texts, *tokenizer_);
  std::map<std::string, std::string> digests;
  for (const std::string& name : used) {
    const SourceRecord record = on_rank0_first([&] {
      return prepare_data_set(recipe_, name, *tokenizer_,
                              {.cache = options_.out / "data",
                               .verify = ranks_.rank() == 0,
                               .interrupted = options_.interrupted},
                              progress_);
    });
    digests[name] = record.digest;
    tell(name, record, progress_);
  }
  for (const std::string& name : prompts) {
    const SourceRecord record = prepare_prompts(recipe_, name, *tokenizer_, progress_);
    digests[prompts_of(name)] = record.digest;
    tell(prompts_of(name), record, progress_);
  }
  return digests;
}

// Whether a node of this name, of whatever identity, lies in the run folder.
bool Grower::ever_grown(const std::string& node) const {
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(options_.out / "nodes", absent))
    if (entry.path().filename().string().starts_with(node + "-")) return true;
  return false;
}

std::vector<GrownNode> Grower::run() {
  const auto nodes = chosen_nodes(recipe_, options_.nodes);
  check_writable_folder(options_.out, "--out");
  check_inputs(recipe_, nodes);
  tokenizer_ = on_rank0_first([&] {
    return recipe_tokenizer(recipe_, options_.out / "tokenizers", progress_, options_.interrupted);
  });
  std::vector<RecipeNode> resolved;
  std::vector<NodeToGrow> fresh, ungrown;
  std::map<std::string, int64_t> steps;
  for (const RecipeNode* n : nodes) {
    RecipeNode node = *n;
    if (node.model.vocab == 0) node.model.vocab = tokenizer_->vocab();
    check_vocab(*tokenizer_, node.model, node.place, kVocabHelp);
    const StagePlan plan = stage_of(node).plan(node, recipe_, ranks_.size());
    if (!ever_grown(node.name)) fresh.push_back({node.place, plan, {}});
    resolved.push_back(std::move(node));
  }
  // Nodes never grown here will be, whatever their data: this is known before reading it.
  check_resources(fresh, options_.out, ranks_.size());
  const auto data = prepare_data(nodes);
  links_ = options_.out / "trees" /
           (options_.tree.empty() ? tree_of_seed(recipe_, recipe_.seed) : options_.tree);
  for (const RecipeNode& node : resolved) {
    GrownNode g{node.name, {}, identity_of(node, recipe_, *tokenizer_, data, grown_)};
    g.folder = options_.out / "nodes" / (node.name + "-" + g.identity.substr(0, kShortDigest));
    g.cached = Checkpoint::exists(g.folder);
    grown_[node.name] = g;
    if (g.cached) continue;
    say_why_regrown(node, data);
    const StagePlan plan = stage_of(node).plan(node, recipe_, ranks_.size());
    ungrown.push_back({node.place, plan, g.folder});
    steps[node.name] = plan.steps;
  }
  check_resources(ungrown, options_.out, ranks_.size());
  if (ranks_.rank() == 0)  // of the recipe's former nodes; their targets stay
    remove_links(links_, options_.out / "nodes", [&](const std::string& name) {
      return std::ranges::find(recipe_.nodes, name, &RecipeNode::name) != recipe_.nodes.end();
    });
  std::vector<GrownNode> result;
  for (const RecipeNode& node : resolved) {
    const GrownNode& g = result.emplace_back(grown_.at(node.name));
    if (!g.cached) continue;
    progress_.note(fmt::format("{}: grown already ({})", node.name, g.folder.string()));
    if (ranks_.rank() == 0) replace_link(links_ / node.name, g.folder);
  }
  if (ranks_.rank() == 0) name_growing(resolved);
  if (ranks_.rank() == 0 && options_.begins && !steps.empty()) options_.begins(steps);
  grow_all(resolved, ungrown);
  ranks_.barrier();
  if (ranks_.rank() == 0) name_growing({});
  if (const auto former = of_former_parents(links_, recipe_); !former.empty())
    progress_.note(
        fmt::format("{} in {}: grown from a parent that another one has taken the place of; grow "
                    "the whole recipe, or keep such a try apart with --set name=…",
                    fmt::join(former, ", "), links_.string()));
  return result;
}

// A node that is not cached, where the tree links to an earlier model of its name.
void Grower::say_why_regrown(const RecipeNode& node,
                             const std::map<std::string, std::string>& data) {
  if (!Checkpoint::exists(links_ / node.name)) return;
  const Stage& stage = stage_of(node);
  NodeInputs now{node.stage, stage.frozen(node), recipe_.seed, tokenizer_->digest(), {}, {}};
  for (const std::string& name : stage.reads(node, recipe_).names()) now.data[name] = data.at(name);
  for (const std::string& parent : node.parents)
    if (!grown_.at(parent).cached) now.regrown_parents.push_back(parent);
  progress_.note(fmt::format("{}: trains again: {}", node.name,
                             why_regrown(Checkpoint::open(links_ / node.name).manifest(), now)));
}

// Links the nodes that are still to be grown, in place of those of an earlier version of the
// recipe. A node that this run leaves alone keeps its link.
void Grower::name_growing(const std::vector<RecipeNode>& nodes) {
  const std::filesystem::path links = links_ / kGrowing;
  remove_links(links, options_.out / "nodes", [&](const std::string& name) {
    return !grown_.contains(name) &&
           std::ranges::find(recipe_.nodes, name, &RecipeNode::name) != recipe_.nodes.end();
  });
  for (const RecipeNode& node : nodes)
    if (const GrownNode& g = grown_.at(node.name); !g.cached)
      replace_link(links / node.name, g.folder);
  remove_ours(links_, [](const std::filesystem::path& at) { return at == kGrowing; });
}

// Side by side as far as parents, threads and memory allow.
void Grower::grow_all(const std::vector<RecipeNode>& nodes, const std::vector<NodeToGrow>& room) {
  if (room.empty()) return;
  std::vector<const RecipeNode*> ungrown;
  std::vector<TaskGraph::Task> tasks;
  std::vector<double> flops;
  for (const RecipeNode& node : nodes) {
    if (grown_.at(node.name).cached) continue;
    TaskGraph::Task task{.cost = room[tasks.size()].plan.flops};
    for (size_t i = 0; i < ungrown.size(); ++i)
      if (std::ranges::find(node.parents, ungrown[i]->name) != node.parents.end())
        task.after.push_back(i);
    flops.push_back(task.cost);
    tasks.push_back(std::move(task));
    ungrown.push_back(&node);
  }
  peak_gflops_ = matmul_peak_gflops() * ranks_.size();
  // Ranks must meet in the same node, so theirs grow one after another.
  const int wanted = options_.at_once > 0 ? options_.at_once : num_threads();
  const int at_once = ranks_.size() > 1 ? 1 : max_parallel_nodes(room, options_.out, wanted);
  JointProgress joint(progress_, fmt::format("growing {} nodes", tasks.size()), flops);
  TaskGraph graph(std::move(tasks), at_once);
  graph.run([&](size_t i) {
    const RecipeNode& node = *ungrown[i];
    const auto own = at_once > 1 ? joint.piece(i, node.name) : nullptr;
    // Asked between steps, which is when a node may take another share of the threads.
    grow_node(node, grown_.at(node.name), own ? *own : progress_, [&, i] {
      return graph.rebalance(i) || (options_.interrupted && options_.interrupted());
    });
  });
}

void Grower::grow_node(const RecipeNode& node, const GrownNode& g, Progress& progress,
                       std::function<bool()> interrupted) {
  std::unique_ptr<FolderLock> lock;
  if (ranks_.rank() == 0) lock = std::make_unique<FolderLock>(g.folder);
  if (ranks_.size() == 1 && Checkpoint::exists(g.folder)) {  // by another process, since we looked
    progress.note(fmt::format("{}: grown already ({})", node.name, g.folder.string()));
    return replace_link(links_ / node.name, g.folder);
  }
  StageContext context{recipe_, ranks_,     progress,   g.folder,     options_.out / "data",
                       {},      g.identity, tokenizer_, peak_gflops_, std::move(interrupted)};
  for (const std::string& parent : node.parents)
    context.parents.push_back(grown_.at(parent).folder);
  const Stage& stage = stage_of(node);
  const StagePlan plan = stage.plan(node, recipe_, ranks_.size());
  progress.note(fmt::format("{}: {} parameters, {}{} tokens in {} steps", node.name,
                            plan.parameters, plan.estimated ? "about " : "", plan.tokens,
                            plan.steps));
  ranks_.barrier();
  stage.run(node, context);
  if (ranks_.rank() != 0) return;
  replace_link(links_ / node.name, g.folder);
  remove_links(links_ / kGrowing, options_.out / "nodes",
               [&](const std::string& name) { return name != node.name; });
}

}  // namespace

std::filesystem::path tree_of_seed(const Recipe& recipe, uint64_t seed) {
  const std::filesystem::path tree = recipe.name;
  return seed == recipe.seed ? tree : tree / fmt::format("seed-{}", seed);
}

std::vector<const RecipeNode*> chosen_nodes(const Recipe& recipe,
                                            const std::vector<std::string>& names) {
  std::set<std::string> wanted(names.begin(), names.end());
  for (const std::string& name : names) recipe.node(name);
  if (names.empty())
    for (const RecipeNode& n : recipe.nodes) wanted.insert(n.name);
  std::vector<const RecipeNode*> result;
  for (auto n = recipe.nodes.rbegin(); n != recipe.nodes.rend(); ++n) {
    if (!wanted.contains(n->name)) continue;
    wanted.insert(n->parents.begin(), n->parents.end());
    result.insert(result.begin(), &*n);
  }
  return result;
}

std::vector<GrownNode> grow(const Recipe& recipe, const GrowOptions& options, Communicator& ranks,
                            Progress& progress) {
  return Grower(recipe, options, ranks, progress).run();
}

}  // namespace lineage
