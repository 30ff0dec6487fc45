#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/checkpoint/manifest.h"
#include "lineage/comm/communicator.h"
#include "lineage/stages/recipe.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// The surroundings of a node while it is grown.
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

// Estimated cost of a node, shown before training starts.
struct StagePlan {
  int64_t tokens = 0, steps = 0, parameters = 0;
  bool estimated = false;  // tokens and steps follow from data that is not read yet
  double flops = 0;
  int64_t memory_bytes = 0;  // of one rank
  int64_t disk_bytes = 0;
  double measured_tokens = 0;  // held-out tokens read by evaluations
};
// The size of the metrics of `steps` steps.
int64_t metrics_bytes(int64_t steps);

// The data of a node, by its names in the recipe.
struct StageReads {
  std::map<std::string, double> texts, sets;  // trained on; weight of each within its kind
  double text_share = 0;                      // of the tokens come from `texts`
  int64_t tokens = 0;                         // 0: they follow from `epochs` passes over `sets`
  double epochs = 1;
  std::vector<std::string> others;         // read besides, such as answers to choose from
  std::vector<std::string> prompts{};      // conversations whose answers need not be there
  std::vector<std::string> names() const;  // sets, texts, others
};

// Keys of a node's stage that have no effect beside the others, and lines on those with another
// effect than they seem to have.
struct StageRemarks {
  std::map<std::string, std::string> idle;  // "optimizer.muon_lr": the reason
  std::vector<std::string> notes;
};

// One step of a recipe: parents in, child out. Each stage is one file that reads top to bottom,
// loss included; shared code is in train/. A stage has no state: its config is the node's table. A
// stage is written as the StageParts of stage_of.h.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual std::string_view name() const = 0;
  virtual StageText text(const RecipeNode&) const = 0;
  // Whether its models learn conversations in their tokenizer's ChatTemplate.
  virtual bool tunes_on_conversations() const = 0;
  // Whether the scalar head of its models says how good an answer is. A head may say something
  // else: of stage moderation it is about requests.
  virtual bool judges_answers() const = 0;
  // The model of a child of such a first parent.
  virtual GptConfig model(const GptConfig& parent) const = 0;
  // The folder of the checkpoint that the stage takes in, with its model and its tokenizer; empty:
  // the stage trains a model. An Error where there is none.
  virtual std::filesystem::path origin(const RecipeNode&) const = 0;
  // Checks everything that needs no data: keys, values, parents. Throws an Error.
  virtual void validate(const RecipeNode&, const Recipe&) const = 0;
  // Canonical TOML of model and config: with parents, tokenizer, data and seed it determines the
  // result. Kept in the manifest.
  virtual std::string frozen(const RecipeNode&) const = 0;
  virtual std::string reference() const = 0;  // its own keys, as a Markdown table
  virtual std::vector<ConfigKey> keys() const = 0;
  virtual StageRemarks remarks(const RecipeNode&) const = 0;
  virtual StageReads reads(const RecipeNode&, const Recipe&) const = 0;
  virtual StagePlan plan(const RecipeNode&, const Recipe&, int ranks) const = 0;
  // Grows the node into context.folder, resuming an interrupted run there.
  virtual void run(const RecipeNode&, const StageContext&) const = 0;
};

std::vector<std::string_view> stage_names();
// The stage called `kind`; an Error naming `place` and the known ones otherwise.
const Stage& stage_for(std::string_view kind, const std::string& place);
const Stage& stage_of(const RecipeNode&);

}  // namespace lineage
