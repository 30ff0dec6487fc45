#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lineage/eval/database_row.h"
#include "lineage/eval/score.h"
#include "lineage/eval/sqlite_file.h"

namespace lineage {

// A measured model. `key` is the node's identity, or the weights' digest of a model outside a
// recipe.
struct NodeRecord {
  std::string key, name, stage, weights, folder;
  std::vector<std::string> parents;  // their weights
  uint64_t seed = 0;
  int64_t tokens = 0, parameters = 0;
  bool chats = false;  // tuned on conversations; not in the database
};

// A scenario as it was put to a model. `digest` covers everything that determines its scores but
// the model: items, prompt, metrics, graders' revision, number, seed; `revision` the same without
// the number of items and the seed.
struct ScenarioRecord {
  std::string digest, revision;
  const ScenarioSpec* spec = nullptr;
  int64_t n = 0;
  uint64_t seed = 0;
};

// One scenario put to one node.
struct Evaluation {
  std::string node;
  ScenarioRecord scenario;
  std::vector<Instance> items;
  std::vector<Prediction> predictions;
  std::vector<Score> scores;
  std::vector<std::vector<Score>> aggregates;  // by the scenario's aggregates
  std::string not_measurable;                  // the reason; empty: measurable
  PromptSpec::Template prompt_template = PromptSpec::Template::raw;
  std::optional<double> dev_raw, dev_chat;  // if both were tried
};

// A score of a node, scenario and cell.
struct ScoreRow {
  std::string node, node_name, ability, scenario, parent_row, cell, prompt_template, not_measurable;
  int64_t n = 0, skipped = 0, truncated = 0;
  uint64_t seed = 0;
  double score = 0, low = 0, high = 0;
  double log_likelihood = 0, log_likelihood_low = 0, log_likelihood_high = 0;
  double chance = 0, shuffled = 0, format = 0;
};

// scores.sqlite of a run folder (docs/formats.md): nodes, runs, scenarios, items, predictions,
// scores. Several processes may use one file; each evaluation is written whole or not at all, so a
// killed run leaves the ones that it finished. Errors name the file.
class Database {
 public:
  using Access = SqliteFile::Access;
  explicit Database(std::filesystem::path, Access = Access::write);

  void add_node(const NodeRecord&);
  // A run of the program, to which the scores that follow belong. Its row is written with the first
  // of them: a run that measures nothing leaves none.
  void begin_run(const std::string& command, const std::string& version, uint64_t seed);
  // The scores that this connection writes belong to the other's run. Each may be on any thread.
  void join_run(const Database& other) { run_ = other.run_; }
  void write(const Evaluation&);
  // Whether the node's scores of the scenario are there. If so, updates the scenario's columns that
  // its digest does not cover (ability, title, parent_row) from the record.
  bool has(const std::string& node, const ScenarioRecord&);
  // Likewise, whether the evaluation's first score is there, number by number.
  bool has_same(const Evaluation&);

  // The score that reports show (the view `current`) of a scenario by name, cell "" being all;
  // none: not measured.
  std::optional<double> current_score(const std::string& node, const std::string& scenario,
                                      const std::string& cell) const;
  std::vector<ScoreRow> scores(const std::string& node = {}) const;  // empty: of all nodes
  // The scores of one measurement, aggregates included, whether reports show it or not.
  std::vector<ScoreRow> scores_of(const std::string& node, const std::string& digest) const;
  // The number of items of the larger measurement that reports show in place of this one; 0: none.
  int64_t items_of_larger(const std::string& node, const std::string& digest) const;
  // The titles of the scenarios with a name.
  std::vector<std::string> titles(const std::string& name) const;

  // Nodes by key with their folders when they were measured.
  std::vector<std::pair<std::string, std::string>> node_folders() const;
  // The approximate bytes of this file that the answers of some nodes take.
  int64_t bytes_of_nodes(const std::vector<std::string>& keys) const;
  // Removes nodes with their answers and scores, the items of scenarios that no other node has
  // answers to, and the space that they took.
  void remove_nodes(const std::vector<std::string>& keys);

  // Any SELECT; `values` are bound to ?1, ?2, ….
  std::vector<DatabaseRow> query(const std::string& sql,
                                 const std::vector<std::string>& values = {}) const;
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  struct Run;
  int64_t insert_run();
  std::vector<ScoreRow> rows(const std::string& from, const std::vector<std::string>& values) const;

  SqliteFile file_;
  std::shared_ptr<Run> run_;
};

}  // namespace lineage
