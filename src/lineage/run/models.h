#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lineage/checkpoint/model.h"

namespace lineage {

// A model on disk, found below a folder.
struct FoundModel {
  std::string name;  // its path below trees/, nodes/ or the folder itself: "gpt35-nano/davinci"
  fs::path folder;   // below the path that was searched; a link where a tree names the model
};

// The models that a path leads to, sorted by folder:
//
//   a checkpoint's folder   that model
//   a run folder            the models its trees name, RUN/trees/RECIPE/NODE; if none, RUN/nodes/*
//   any other folder        the checkpoints anywhere below it
//
// A node that two trees name is found twice. Hidden folders are left out. Empty if there is none or
// nothing can be read.
std::vector<FoundModel> find_models(const fs::path&);

// Their folders, links resolved, each once; sorted.
std::vector<fs::path> distinct_folders(const std::vector<FoundModel>&);

// The run folder of a model in RUN/nodes, spelled as in `model` if that is a path below the run.
std::optional<fs::path> run_of(const fs::path& model);

// The database of a run folder, or of a model's run: RUN/scores.sqlite. A model outside any run has
// its own.
fs::path scores_file(const fs::path& model_or_run);

// The checkpoint in a folder. The Error for a folder of models lists them; for a bare name it lists
// the models of that name in `default_run`.
Checkpoint open_checkpoint(const std::string& folder, const fs::path& default_run = "runs");

// The same as a model to give prompts to: an Error if it has no tokenizer.
Model load_prompted_model(const std::string& folder);

// The models of a run folder that these names mean: a node (davinci), or a node with its tree
// (gpt35-nano/davinci, gpt35-nano/seed-2/davinci). Of several trees that have the node the one
// nearest to RUN/trees is meant, so a further seed's only by its tree. An Error for a name of none
// lists the nearest; others are for two models of one name, and a name given twice.
std::vector<FoundModel> models_called(const std::vector<std::string>& names, const fs::path& run);

// The first 12 digits of a digest, as in folder names and tables.
std::string short_digest(const std::string& digest);

}  // namespace lineage
