#include "lineage/stages/grow.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/checkpoint/model.h"
#include "lineage/data/prepare.h"
#include "lineage/train/machine.h"

namespace lineage {
namespace {

constexpr size_t kShortDigest = 12;

std::string identity_of(const RecipeNode& node, const Recipe& recipe, const Tokenizer& tokenizer,
                        const std::map<std::string, std::string>& data,
                        const std::map<std::string, GrownNode>& grown) {
  constexpr std::string_view kScheme = "lineage node 1";
  const Stage& stage = stage_for(node.stage, node.place);
  Digest digest;
  digest.field(kScheme).field(node.stage).field(stage.frozen(node));
  digest.field(std::to_string(recipe.seed)).field(tokenizer.digest());
  for (const std::string& parent : node.parents) digest.field(grown.at(parent).identity);
  for (const std::string& source : stage.sources(node, recipe))
    digest.field(source)
        .field(fmt::format("{}", recipe.sources.at(source).weight))
        .field(data.at(source));
  return digest.hex();
}

std::string mib(int64_t bytes) { return fmt::format("{} MiB", (bytes >> 20) + 1); }

// Fails now where the run would fail in an hour.
void check_room(const RecipeNode& node, const StagePlan& plan, const std::filesystem::path& out,
                int ranks) {
  const int64_t memory = plan.memory_bytes * ranks, have = available_memory();
  if (memory > have)
    throw Error(fmt::format("{}: nodes.{} needs about {} of memory{}; this machine has {} free",
                            node.place, node.name, mib(memory),
                            ranks > 1 ? fmt::format(" for {} ranks", ranks) : "", mib(have)),
                "lower pretrain.micro_tokens, model.context or the size of the model");
  if (const int64_t disk = free_disk(out); plan.disk_bytes > disk)
    throw Error(fmt::format("{}: nodes.{} needs about {} of disk; {} has {} free", node.place,
                            node.name, mib(plan.disk_bytes), out.string(), mib(disk)),
                "free some space, or choose another disk with --out");
}

// Checks what a previous run left under the name of this node, so that a swap of the link is safe.
void link_to(const std::filesystem::path& link, const std::filesystem::path& target) {
  std::filesystem::create_directories(link.parent_path());
  const auto relative = std::filesystem::relative(target, link.parent_path());
  std::filesystem::path fresh = link;
  fresh += ".new";
  std::filesystem::remove(fresh);
  std::filesystem::create_directory_symlink(relative, fresh);
  std::filesystem::rename(fresh, link);
}

// One run of grow().
class Grower {
 public:
  Grower(const Recipe& recipe, const GrowOptions& options, Communicator& ranks, Progress& progress)
      : recipe_(recipe), options_(options), ranks_(ranks), progress_(progress) {}

  std::vector<GrownNode> run();

 private:
  // `work` on rank 0 first, which then leaves on disk what the others read.
  template <class Work>
  auto chief_first(const Work& work) {
    if (ranks_.rank() != 0) ranks_.barrier();
    auto result = work();
    if (ranks_.rank() == 0) ranks_.barrier();
    return result;
  }
  std::map<std::string, std::string> prepare_data(const std::vector<const RecipeNode*>&);
  void grow_node(const RecipeNode&, const GrownNode&);

  const Recipe& recipe_;
  const GrowOptions& options_;
  Communicator& ranks_;
  Progress& progress_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::map<std::string, GrownNode> grown_;
  double peak_gflops_ = 0;
};

std::map<std::string, std::string> Grower::prepare_data(
    const std::vector<const RecipeNode*>& nodes) {
  std::set<std::string> used;
  for (const RecipeNode* n : nodes)
    for (const std::string& s : stage_for(n->stage, n->place).sources(*n, recipe_)) used.insert(s);
  std::map<std::string, std::string> digests;
  for (const std::string& name : used) {
    const SourceRecord record = chief_first([&] {
      return prepare_source(name, recipe_.sources.at(name), *tokenizer_,
                            {options_.out / "data", ranks_.rank() == 0}, progress_)
          .record;
    });
    digests[name] = record.digest;
    const std::string left_out = describe_dropped(record);
    progress_.note(fmt::format("data {}: {} documents, {} bytes, {} tokens{}{}", name,
                               record.documents, record.bytes, record.tokens,
                               left_out.empty() ? "" : "; ", left_out));
  }
  return digests;
}

std::vector<GrownNode> Grower::run() {
  const auto nodes = chosen_nodes(recipe_, options_.nodes);
  tokenizer_ = chief_first(
      [&] { return recipe_tokenizer(recipe_, options_.out / "tokenizers", progress_); });
  const auto data = prepare_data(nodes);
  std::vector<GrownNode> result;
  std::vector<RecipeNode> resolved;
  for (const RecipeNode* n : nodes) {
    RecipeNode node = *n;
    if (node.model.vocab == 0) node.model.vocab = tokenizer_->vocab();
    check_vocab(*tokenizer_, node.model, node.place);
    GrownNode g{node.name, {}, identity_of(node, recipe_, *tokenizer_, data, grown_)};
    g.folder = options_.out / "nodes" / (node.name + "-" + g.identity.substr(0, kShortDigest));
    g.cached = Checkpoint::exists(g.folder);
    grown_[node.name] = g;
    resolved.push_back(std::move(node));
  }
  for (const RecipeNode& node : resolved)
    if (!grown_[node.name].cached)
      check_room(node, stage_for(node.stage, node.place).plan(node, ranks_.size()), options_.out,
                 ranks_.size());
  for (size_t i = 0; i < resolved.size(); ++i) {
    const RecipeNode& node = resolved[i];
    const GrownNode& g = grown_[node.name];
    if (g.cached)
      progress_.note(fmt::format("{}: grown already ({})", node.name, g.folder.string()));
    else
      grow_node(node, g);
    if (ranks_.rank() == 0) link_to(options_.out / "trees" / recipe_.name / node.name, g.folder);
    result.push_back(g);
  }
  ranks_.barrier();
  return result;
}

void Grower::grow_node(const RecipeNode& node, const GrownNode& g) {
  std::unique_ptr<FolderLock> lock;
  if (ranks_.rank() == 0) lock = std::make_unique<FolderLock>(g.folder);
  if (peak_gflops_ == 0) peak_gflops_ = matmul_peak_gflops() * ranks_.size();
  StageContext context{recipe_, ranks_,     progress_,  g.folder,     options_.out / "data",
                       {},      g.identity, tokenizer_, peak_gflops_, options_.interrupted};
  for (const std::string& parent : node.parents)
    context.parents.push_back(grown_.at(parent).folder);
  const Stage& stage = stage_for(node.stage, node.place);
  const StagePlan plan = stage.plan(node, ranks_.size());
  progress_.note(fmt::format("{}: {} parameters, {} tokens in {} steps", node.name, plan.parameters,
                             plan.tokens, plan.steps));
  ranks_.barrier();
  stage.run(node, context);
}

}  // namespace

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
