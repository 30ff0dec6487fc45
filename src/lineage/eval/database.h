#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/eval/score.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lineage {

// Who was asked. `key` is the node's identity, or the weights' digest of a model outside a recipe.
struct NodeRecord {
  std::string key, name, stage, weights, folder;
  std::vector<std::string> parents;  // their weights
  uint64_t seed = 0;
  int64_t tokens = 0, parameters = 0;
};

// What was asked. `digest` is of all that determines the answers but the model: items, prompting,
// metric, number, seed.
struct ScenarioRecord {
  std::string digest;
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
  std::vector<std::vector<Score>> measures;  // of the scenario's, in their order
  std::string gate;                          // why this is not measurable here; empty: it is
  Prompting::Template form = Prompting::Template::raw;
  std::optional<double> dev_raw, dev_chat;  // where both were tried
};

// A row of the view `current`: the newest score of a node, scenario and cell.
struct ScoreRow {
  std::string node, node_name, ability, scenario, cell, form, gate;
  bool headline_of_ability = true;
  int64_t n = 0, skipped = 0, truncated = 0;
  uint64_t seed = 0;
  double headline = 0, low = 0, high = 0, graded = 0, graded_low = 0, graded_high = 0;
  double chance = 0, shuffled = 0, format = 0;
};

// scores.sqlite of a run folder (docs/formats.md): nodes, runs, scenarios, items, predictions,
// scores. Several processes may use one file; each evaluation is written whole or not at all, so a
// killed run leaves what it had finished. Errors name the file.
class Database {
 public:
  // To read changes nothing: the file must be there, and folder and disk may be read-only or full.
  enum class Access : uint8_t { write, read };
  explicit Database(std::filesystem::path, Access = Access::write);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void add_node(const NodeRecord&);
  // A run of the program, to which the scores that follow belong.
  void begin_run(const std::string& command, const std::string& version, uint64_t seed);
  // … and to which scores belong that another connection of the process writes.
  int64_t run() const { return run_; }
  void join_run(int64_t run) { run_ = run; }
  bool has(const std::string& node, const std::string& scenario_digest) const;
  void write(const Evaluation&);

  // The newest score of a scenario by name, cell "" being all; none: not measured.
  std::optional<double> headline(const std::string& node, const std::string& scenario,
                                 const std::string& cell) const;
  std::vector<ScoreRow> scores(const std::string& node = {}) const;  // empty: of all nodes

  // Any question: rows of columns as text, NULL as "".
  std::vector<std::vector<std::string>> query(const std::string& sql) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  class Statement;
  void execute(const char* sql) const;
  void create_tables();
  void check_format(Access);
  void write_items(const Evaluation&);
  void write_predictions(const Evaluation&);
  void write_scores(const Evaluation&, const std::string& scenario, std::span<const Score>);
  void write_scenario(const Evaluation&, const std::string& digest, const std::string& name,
                      const std::string& title, const std::string& metric, bool headline);
  [[noreturn]] void fail(const std::string& doing) const;

  std::filesystem::path path_;
  sqlite3* db_ = nullptr;
  int64_t run_ = 0;
};

}  // namespace lineage
