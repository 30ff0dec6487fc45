#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/comm/communicator.h"
#include "lineage/stages/recipe.h"
#include "lineage/stages/stage.h"

namespace lineage {

// A run folder:
//
//   OUT/nodes/NAME-IDENTITY/   a checkpoint for every node ever grown here, whatever the recipe
//   OUT/trees/RECIPE/NAME      links to the nodes of a recipe as it was last grown
//   OUT/trees/RECIPE/seed-K/   the same of further seeds
//   OUT/trees/RECIPE/.growing/NAME  links to nodes of it that are not grown yet
//   OUT/data/                  tokenised sources
//   OUT/tokenizers/            trained tokenizers
struct GrowOptions {
  std::filesystem::path out = "runs";
  std::vector<std::string> nodes;  // only these and their ancestors; empty: all
  std::function<bool()> interrupted;
  std::filesystem::path tree = {};  // of the links, below OUT/trees; empty: the recipe's name
  // Nodes that may grow in parallel, as far as memory allows; 0: as many as compute threads. Models
  // are bit for bit those of growing one by one, which several ranks always do.
  int at_once = 1;
  // Called on rank 0 when all checks have passed, before the first node grows, with the steps of
  // each node that is still to be grown; those of some stages are an estimate.
  std::function<void(const std::map<std::string, int64_t>& steps)> begins = {};
};

// The folder, in a tree's, of links to nodes that are still to be grown. So a tree names its nodes
// by links alone, also after an interrupted run.
inline constexpr const char* kGrowing = ".growing";

// The folder of the links of a recipe's seed below OUT/trees: the recipe's own seed has the folder
// itself, another one a folder in it.
std::filesystem::path tree_of_seed(const Recipe&, uint64_t seed);

struct GrownNode {
  std::string name;
  std::filesystem::path folder;
  std::string identity;
  bool cached = false;  // it existed already
};

// Grows every node of the recipe: skips finished ones, resumes interrupted ones, regrows changed
// ones and notes the reason. A node's identity is the digest of everything that determines it:
// stage and config, model, seed, the tokenizer's, the parents' and the data's digests. Throws
// before training starts if memory, disk or data are insufficient.
std::vector<GrownNode> grow(const Recipe&, const GrowOptions&, Communicator&, Progress&);

// An estimate of grow(); nothing is written.
struct PlannedNode {
  const RecipeNode* node;
  StagePlan plan;
  double tokens_per_s = 0;  // trained on, expected here
  double seconds = 0;       // expected here, held-out measurements included
};
struct GrowPlan {
  std::vector<PlannedNode> nodes;
  double peak_gflops = 0;
};
// Takes about as long for a large model as for a small one: a long step is not run, its time
// follows from that of a small model of the same kind. Throws what grow() throws before training,
// except for memory and disk, see check_resources().
GrowPlan plan_growth(const Recipe&, const GrowOptions&, int ranks);

// Checks inputs early that a run would read late, where that is cheap: a tokenizer's files, the
// first document of each source, sets of records of a few megabytes. Throws the run's Errors.
void check_inputs(const Recipe&, const std::vector<const RecipeNode*>&);

// The named nodes and their ancestors, in the recipe's order; all when none is named.
std::vector<const RecipeNode*> chosen_nodes(const Recipe&, const std::vector<std::string>& names);

// The hint for a recipe whose model has fewer rows than its tokenizer has tokens.
constexpr const char* kVocabHelp =
    "leave model.vocab out, or set it to 0: the model then has a row for each token";

// The tokenizer of a recipe: loaded, or trained once and kept under `folder`. A process waits while
// another one trains it.
std::shared_ptr<const Tokenizer> recipe_tokenizer(const Recipe&,
                                                  const std::filesystem::path& folder, Progress&,
                                                  std::function<bool()> interrupted = {});

}  // namespace lineage
