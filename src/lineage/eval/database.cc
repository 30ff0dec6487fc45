#include "lineage/eval/database.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "lineage/eval/database_format.h"
#include "lineage/eval/evaluation_rows.h"

namespace lineage {

struct Database::Run {
  std::string started, command, version;
  uint64_t seed = 0;
  std::mutex first;  // who writes the run's first scores, and its row
  int64_t id = 0;    // 0: not written yet
};

Database::Database(std::filesystem::path path, Access access) : file_(std::move(path), access) {
  check_format(file_, access);
}

void Database::add_node(const NodeRecord& n) {
  Statement(
      file_,
      "INSERT INTO nodes(key, name, stage, weights, parents, seed, tokens, parameters, folder) "
      "VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(key) DO UPDATE SET name = excluded.name, "
      "stage = excluded.stage, weights = excluded.weights, parents = excluded.parents, "
      "seed = excluded.seed, tokens = excluded.tokens, parameters = excluded.parameters, "
      "folder = excluded.folder")
      .bind(n.key)
      .bind(n.name)
      .bind(n.stage)
      .bind(n.weights)
      .bind(json_text(n.parents))
      .bind(n.seed)
      .bind(n.tokens)
      .bind(n.parameters)
      .bind(n.folder)
      .run();
}

void Database::begin_run(const std::string& command, const std::string& version, uint64_t seed) {
  Statement now(file_, "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
  now.step();
  run_ = std::make_shared<Run>();
  run_->started = now.text(0), run_->command = command, run_->version = version, run_->seed = seed;
}

int64_t Database::insert_run() {
  Statement(file_, "INSERT INTO runs(started, command, version, seed) VALUES(?,?,?,?)")
      .bind(run_->started)
      .bind(run_->command)
      .bind(run_->version)
      .bind(run_->seed)
      .run();
  return file_.last_row();
}

void Database::write(const Evaluation& e) {
  std::unique_lock<std::mutex> first;
  if (run_) first = std::unique_lock(run_->first);
  if (run_ && run_->id != 0) first.unlock();
  int64_t run = 0;
  file_.transaction([&] {
    run = !run_ ? 0 : run_->id != 0 ? run_->id : insert_run();
    write_evaluation(file_, e, run);
  });
  if (run_ && first.owns_lock()) run_->id = run;
}

bool Database::has(const std::string& node, const ScenarioRecord& scenario) {
  {
    Statement s(file_, "SELECT 1 FROM measured WHERE node_key = ? AND digest = ? AND cell = ''");
    if (!s.bind(node).bind(scenario.digest).step()) return false;
  }
  update_scenario_texts(file_, scenario);
  return true;
}

std::optional<double> Database::current_score(const std::string& node, const std::string& scenario,
                                              const std::string& cell) const {
  Statement s(file_, "SELECT score FROM current WHERE node_key = ? AND name = ? AND cell = ?");
  s.bind(node).bind(scenario).bind(cell);
  if (!s.step() || std::isnan(s.real(0))) return {};
  return s.real(0);
}

bool Database::has_same(const Evaluation& e) {
  const Score& score = e.scores.at(0);
  {
    Statement s(file_,
                "SELECT not_measurable, n, score, low, high, log_likelihood, chance FROM measured "
                "WHERE node_key = ? AND digest = ? AND cell = ?");
    if (!s.bind(e.node).bind(e.scenario.digest).bind(score.cell).step()) return false;
    if (s.text(0) != e.not_measurable || s.integer(1) != score.n) return false;
    int column = 2;
    for (const double now : {score.estimate.value, score.estimate.low, score.estimate.high,
                             score.log_likelihood.value, score.chance.value()}) {
      const double before = s.real(column++);
      if (before != now && (!std::isnan(before) || std::isfinite(now))) return false;
    }
  }
  update_scenario_texts(file_, e.scenario);
  return true;
}

std::vector<ScoreRow> Database::scores(const std::string& node) const {
  return rows("FROM current WHERE ?1 = '' OR node_key = ?1", {node});
}

std::vector<ScoreRow> Database::scores_of(const std::string& node,
                                          const std::string& digest) const {
  return rows(
      "FROM measured WHERE node_key = ?1 AND (digest = ?2 OR predictions_of = "
      "(SELECT scenario FROM scenarios WHERE digest = ?2))",
      {node, digest});
}

int64_t Database::items_of_larger(const std::string& node, const std::string& digest) const {
  Statement s(file_,
              "SELECT o.n FROM current v JOIN scenarios o USING(scenario) WHERE v.node_key = ?1 "
              "AND v.cell = '' AND v.digest <> ?2 "
              "AND v.name = (SELECT name FROM scenarios WHERE digest = ?2)");
  return s.bind(node).bind(digest).step() ? s.integer(0) : 0;
}

std::vector<std::string> Database::titles(const std::string& name) const {
  std::vector<std::string> result;
  for (const DatabaseRow& r : query("SELECT DISTINCT title FROM scenarios WHERE name = ?1", {name}))
    result.push_back(r.text("title"));
  return result;
}

std::vector<ScoreRow> Database::rows(const std::string& from,
                                     const std::vector<std::string>& values) const {
  std::vector<ScoreRow> result;
  for (const DatabaseRow& r :
       query("SELECT * " + from + " ORDER BY ability, name, cell, node_name, node_key", values))
    result.push_back({.node = r.text("node_key"),
                      .node_name = r.text("node_name"),
                      .ability = r.text("ability"),
                      .scenario = r.text("name"),
                      .parent_row = r.text("parent_row"),
                      .cell = r.text("cell"),
                      .prompt_template = r.text("template"),
                      .not_measurable = r.text("not_measurable"),
                      .n = r.integer("n"),
                      .skipped = r.integer("skipped"),
                      .truncated = r.integer("truncated"),
                      .seed = static_cast<uint64_t>(r.integer("seed")),
                      .score = r.number("score"),
                      .low = r.number("low"),
                      .high = r.number("high"),
                      .log_likelihood = r.number("log_likelihood"),
                      .log_likelihood_low = r.number("log_likelihood_low"),
                      .log_likelihood_high = r.number("log_likelihood_high"),
                      .chance = r.number("chance"),
                      .shuffled = r.number("shuffled"),
                      .format = r.number("format")});
  return result;
}

std::vector<DatabaseRow> Database::query(const std::string& sql,
                                         const std::vector<std::string>& values) const {
  return file_.query(sql, values);
}

std::vector<std::pair<std::string, std::string>> Database::node_folders() const {
  std::vector<std::pair<std::string, std::string>> nodes;
  Statement s(file_, "SELECT key, folder FROM nodes ORDER BY key");
  while (s.step()) nodes.emplace_back(s.text(0), s.text(1));
  return nodes;
}

int64_t Database::bytes_of_nodes(const std::vector<std::string>& keys) const {
  int64_t own = 0;
  Statement count(file_, "SELECT count(*) FROM predictions JOIN nodes USING(node) WHERE key = ?");
  for (const std::string& key : keys) {
    count.bind(key).step();
    own += count.integer(0);
    count.reset();
  }
  const int64_t all = file_.integer("SELECT count(*) FROM predictions");
  const auto share = static_cast<double>(own) / static_cast<double>(std::max<int64_t>(1, all));
  const int64_t bytes = file_.integer("PRAGMA page_count") * file_.integer("PRAGMA page_size");
  return static_cast<int64_t>(share * static_cast<double>(bytes));
}

void Database::remove_nodes(const std::vector<std::string>& keys) {
  file_.transaction([&] {
    const std::string of_node = "node = (SELECT node FROM nodes WHERE key = ?)";
    for (const std::string& rows :
         {"outputs WHERE number IN (SELECT o.number FROM evaluations e CROSS JOIN outputs o "
          "ON o.number BETWEEN e.first_output AND e.last_output WHERE e." +
              of_node + ")",
          "evaluations WHERE " + of_node, "scores WHERE " + of_node, "nodes WHERE " + of_node}) {
      Statement remove(file_, "DELETE FROM " + rows);
      for (const std::string& key : keys) remove.bind(key).run();
    }
    file_.execute(R"sql(
      DELETE FROM questions WHERE scenario NOT IN (SELECT scenario FROM scores);
      DELETE FROM answer_lists WHERE answer_list NOT IN (SELECT answer_list FROM questions);
      DELETE FROM scenarios WHERE scenario NOT IN (SELECT scenario FROM scores);
      DELETE FROM runs WHERE run NOT IN (SELECT run FROM scores WHERE run IS NOT NULL);)sql");
  });
  file_.vacuum();
}

}  // namespace lineage
