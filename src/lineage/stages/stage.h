#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/comm/communicator.h"
#include "lineage/stages/recipe.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// What a stage is given besides its node: where it may write, what it may read, who watches.
struct StageContext {
  const Recipe& recipe;
  Communicator& ranks;
  Progress& progress;
  std::filesystem::path folder;                // of this node; the checkpoint goes here
  std::filesystem::path data_cache;            // of tokenised sources
  std::vector<std::filesystem::path> parents;  // grown checkpoints
  std::string identity;
  std::shared_ptr<const Tokenizer> tokenizer;
  double peak_gflops = 0;
  std::function<bool()> interrupted;
};

// What growing a node will take, told before an hour is spent.
struct StagePlan {
  int64_t tokens = 0, steps = 0, parameters = 0;
  bool estimated = false;  // tokens and steps follow from data that is not read yet
  double flops = 0;
  int64_t memory_bytes = 0;  // of one rank
  int64_t disk_bytes = 0;
  double measured_tokens = 0;  // held-out ones that the measurements read
};
// Of the metrics that so many steps write.
int64_t metrics_bytes(int64_t steps);

// One step of a recipe: parents in, child out. Each stage is one file that reads top to bottom,
// loss included; what they share lives in train/. A stage has no state: its config is the node's
// table.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual std::string_view name() const = 0;
  // Whether its models learn conversations in their tokenizer's ChatTemplate.
  virtual bool tunes_on_conversations() const { return false; }
  // All that can be known without data: keys, values, parents. Throws an Error.
  virtual void validate(const RecipeNode&, const Recipe&) const = 0;
  // Canonical TOML of model and config: with parents, tokenizer, data and seed it determines the
  // result, and it stands in the manifest.
  virtual std::string frozen(const RecipeNode&) const = 0;
  virtual std::string reference() const = 0;  // its keys, as a Markdown table
  virtual std::vector<ConfigKey> keys() const = 0;
  virtual std::vector<std::string> sources(const RecipeNode&, const Recipe&) const = 0;
  virtual StagePlan plan(const RecipeNode&, const Recipe&, int ranks) const = 0;
  // Grows the node into context.folder, resuming what a killed run left there.
  virtual void run(const RecipeNode&, const StageContext&) const = 0;
};

std::vector<std::string_view> stage_names();
// The stage called `kind`; an Error naming `place` and the known ones otherwise.
const Stage& stage_for(std::string_view kind, const std::string& place);

const Stage& pretrain_stage();
const Stage& sft_stage();
const Stage& feedme_stage();

}  // namespace lineage
