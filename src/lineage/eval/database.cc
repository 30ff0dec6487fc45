#include "lineage/eval/database.h"

#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/eval/database_schema.h"

namespace lineage {
namespace {

using Json = nlohmann::json;

std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);  // any bytes become UTF-8
}

template <class Enum>
const char* name_of(Enum value, std::initializer_list<const char*> names) {
  return names.begin()[static_cast<size_t>(value)];
}

const char* template_name(Prompting::Template t) { return name_of(t, {"raw", "chat"}); }

}  // namespace

// A prepared statement; values are bound in order, and a step either works or throws.
class Database::Statement {
 public:
  Statement(const Database& database, const std::string& sql) : database_(database) {
    if (sqlite3_prepare_v2(database.db_, sql.c_str(), -1, &statement_, nullptr) != SQLITE_OK)
      database.fail("reading");
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(const std::string& text) {
    sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
    return *this;
  }
  Statement& bind(const char* text) { return bind(std::string(text)); }
  Statement& bind(double value) {  // NaN and infinities, which SQL does not know, become NULL
    std::isfinite(value) ? sqlite3_bind_double(statement_, ++bound_, value)
                         : sqlite3_bind_null(statement_, ++bound_);
    return *this;
  }
  template <std::integral I>
  Statement& bind(I value) {
    sqlite3_bind_int64(statement_, ++bound_, static_cast<int64_t>(value));
    return *this;
  }
  template <class T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind(std::nan(""));
  }
  // True: there is a row.
  bool step() {
    const int status = sqlite3_step(statement_);
    if (status != SQLITE_ROW && status != SQLITE_DONE)
      database_.fail(sqlite3_stmt_readonly(statement_) ? "reading" : "writing");
    return status == SQLITE_ROW;
  }
  void reset() {
    sqlite3_reset(statement_);
    bound_ = 0;
  }
  void run() {
    step();
    reset();
  }
  std::string text(int column) const {
    const auto* bytes = sqlite3_column_text(statement_, column);
    return bytes ? std::string(reinterpret_cast<const char*>(bytes),
                               static_cast<size_t>(sqlite3_column_bytes(statement_, column)))
                 : std::string();
  }
  double real(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL
               ? std::nan("")
               : sqlite3_column_double(statement_, column);
  }
  int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  int columns() const { return sqlite3_column_count(statement_); }

 private:
  const Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

struct Database::Run {
  std::string started, command, version;
  uint64_t seed = 0;
  std::mutex first;  // who writes the run's first scores, and its row
  int64_t id = 0;    // 0: not written yet
};

Database::Database(std::filesystem::path path, Access access) : path_(std::move(path)) {
  // To read, too, for writing where the system allows it: what a killed process has left half
  // written is then taken back. SQLite opens read-only where it does not.
  const int flags = SQLITE_OPEN_READWRITE | (access == Access::write ? SQLITE_OPEN_CREATE : 0);
  if (sqlite3_open_v2(path_.c_str(), &db_, flags, nullptr) != SQLITE_OK) {
    const std::string said = sqlite3_errmsg(db_);
    sqlite3_close(db_);
    throw Error(path_.string() + ": cannot be opened (" + said + "); wanted a database of scores",
                access == Access::write ? "check that the folder exists and may be written, or "
                                          "name another file with --db"
                                        : "check who owns it: ls -l " + path_.string());
  }
  constexpr int kWaitForOthers = 60'000;  // milliseconds
  sqlite3_busy_timeout(db_, kWaitForOthers);
  try {
    // Sorting takes memory instead of files: the disk may be full.
    if (access == Access::read) execute("PRAGMA query_only = 1; PRAGMA temp_store = MEMORY");
    check_format(access);
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

Database::~Database() { sqlite3_close(db_); }

void Database::fail(const std::string& doing) const {
  const int code = sqlite3_errcode(db_);
  std::string help = "check space and permissions, and that no other program holds the file";
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    help = "move the file away; `lineage eval` then measures everything anew";
  else if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
    help = "name a file that may be written, in a folder that may be, with --db";
  else if (code == SQLITE_FULL)
    help = "free some space on this disk, or name a file on another one with --db";
  throw Error(path_.string() + ": " + doing + " failed (" + sqlite3_errmsg(db_) +
                  "); wanted a whole database of scores",
              help);
}

void Database::execute(const char* sql) const {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail("writing");
}

void Database::check_format(Access access) {
  const auto number = [&](const char* pragma) {
    Statement s(*this, pragma);
    return s.step() ? s.integer(0) : 0;
  };
  const auto tables = [&] { return number("SELECT count(*) FROM sqlite_master"); };
  if (access == Access::write && tables() == 0) create_tables();
  const int64_t id = number("PRAGMA application_id"), version = number("PRAGMA user_version");
  if (id != kApplicationId)
    throw Error(path_.string() + ": is another program's database; wanted one of scores",
                "name another file with --db");
  if (version == 1) upgrade();
  if (number("PRAGMA user_version") != kSchemaVersion)
    throw Error(path_.string() + ": has format " + std::to_string(version) + "; wanted " +
                    std::to_string(kSchemaVersion),
                "move the file away; `lineage eval` then measures everything anew");
  Statement check(*this, "PRAGMA quick_check(1)");
  if (check.step() && check.text(0) != "ok")
    throw Error(path_.string() + ": is damaged (" + check.text(0) + "); wanted a whole database",
                "move the file away; `lineage eval` then measures everything anew");
}

void Database::create_tables() {
  execute("BEGIN IMMEDIATE");
  Statement others(*this, "SELECT count(*) FROM sqlite_master");
  if (others.step() && others.integer(0) == 0) {  // no other process was faster
    execute(kSchema);
    execute(kView);
    execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
    execute(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
  }
  execute("COMMIT");
}

void Database::upgrade() {
  execute("BEGIN IMMEDIATE");
  const bool still_old = [&] {  // no other process was faster
    Statement version(*this, "PRAGMA user_version");
    return version.step() && version.integer(0) == 1;
  }();
  if (still_old) {
    execute(kUpgradeFrom1);
    execute(kView);
    execute(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
  }
  execute("COMMIT");
}

void Database::add_node(const NodeRecord& n) {
  Statement(*this, "INSERT OR REPLACE INTO nodes VALUES(?,?,?,?,?,?,?,?,?)")
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
  Statement now(*this, "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
  now.step();
  run_ = std::make_shared<Run>();
  run_->started = now.text(0), run_->command = command, run_->version = version, run_->seed = seed;
}

int64_t Database::insert_run() {
  Statement(*this, "INSERT INTO runs(started, command, version, seed) VALUES(?,?,?,?)")
      .bind(run_->started)
      .bind(run_->command)
      .bind(run_->version)
      .bind(run_->seed)
      .run();
  return sqlite3_last_insert_rowid(db_);
}

bool Database::has(const std::string& node, const std::string& scenario_digest) const {
  Statement s(*this, "SELECT 1 FROM scores WHERE node = ? AND scenario = ? AND cell = ''");
  return s.bind(node).bind(scenario_digest).step();
}

void Database::write(const Evaluation& e) {
  assert(e.items.size() == e.predictions.size());
  std::unique_lock<std::mutex> first;
  if (run_) first = std::unique_lock(run_->first);
  if (run_ && run_->id != 0) first.unlock();
  execute("BEGIN IMMEDIATE");
  try {
    run_id_ = !run_ ? 0 : run_->id != 0 ? run_->id : insert_run();
    write_items(e);
    write_predictions(e);
    write_scores(e, e.scenario.digest, e.scores);
    for (size_t m = 0; m < e.measures.size(); ++m) {
      if (e.measures[m].empty()) continue;
      const Measure& measure = e.scenario.spec->measures[m];
      const std::string digest = e.scenario.digest + " " + measure.name;
      write_scenario(e, digest, measure.name, measure.title, measure.metric, measure.kind,
                     measure.headline);
      write_scores(e, digest, e.measures[m]);
    }
    execute("COMMIT");
    if (run_ && first.owns_lock()) run_->id = run_id_;
  } catch (...) {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

void Database::write_scenario(const Evaluation& e, const std::string& digest,
                              const std::string& name, const std::string& title,
                              const std::string& metric, MetricKind kind, bool headline) {
  const Prompting& p = e.scenario.spec->prompting;
  Statement(*this, "INSERT OR REPLACE INTO scenarios VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(digest)
      .bind(name)
      .bind(name == e.scenario.spec->name ? e.scenario.spec->ability
                                          : name.substr(0, name.find('.')))
      .bind(title)
      .bind(metric)
      .bind(name_of(p.method, {"choose", "generate", "likelihood"}))
      .bind(name_of(p.reasoning, {"direct", "chain"}))
      .bind(name_of(p.vote, {"first", "majority", "complexity"}))
      .bind(p.shots)
      .bind(p.samples)
      .bind(headline)
      .bind(e.scenario.n)
      .bind(e.scenario.seed)
      .bind(e.scenario.revision)
      .bind(std::string(metric_kind_name(kind)))
      .run();
}

void Database::write_items(const Evaluation& e) {
  const ScenarioSpec& spec = *e.scenario.spec;
  write_scenario(e, e.scenario.digest, spec.name, spec.title, spec.metric.name, spec.kind,
                 spec.headline);
  Statement insert(*this, "INSERT OR IGNORE INTO items VALUES(?,?,?,?,?,?,?,?,?)");
  int64_t position = 0;
  for (const Instance& item : e.items) {
    Json answers = Json::array();
    for (const Part& a : item.contexts.empty() ? item.answers : item.contexts)
      answers.push_back(a.text);
    insert.bind(e.scenario.digest)
        .bind(item.id)
        .bind(position++)
        .bind(item.cell)
        .bind(item.cluster)
        .bind(item.contexts.empty() ? item.question.text : item.answers[0].text)
        .bind(json_text(answers))
        .bind(item.correct)
        .bind(item.chain.text)
        .run();
  }
}

namespace {

// Of many choices four decimals are kept.
std::vector<double> rounded(std::vector<double> scores) {
  constexpr size_t kMany = 64;
  constexpr double kUnit = 1e-4;
  if (scores.size() > kMany)
    for (double& s : scores) s = std::round(s / kUnit) * kUnit;
  return scores;
}

std::vector<std::string> answers_of(const std::vector<DrawnAnswer>& samples) {
  std::vector<std::string> answers;
  for (const DrawnAnswer& s : samples) answers.push_back(s.answer);
  return answers;
}

}  // namespace

void Database::write_predictions(const Evaluation& e) {
  Statement insert(*this, "INSERT OR REPLACE INTO predictions VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (size_t i = 0; i < e.items.size(); ++i) {
    const Prediction& p = e.predictions[i];
    insert.bind(e.node)
        .bind(e.scenario.digest)
        .bind(e.items[i].id)
        .bind(p.output)
        .bind(p.answer)
        .bind(p.chosen)
        .bind(p.fits ? e.scenario.spec->metric.score(e.items[i], p) : std::nan(""))
        .bind(p.fits ? p.log_prob : std::nan(""))
        .bind(p.format)
        .bind(json_text(rounded(p.scores)))
        .bind(json_text(answers_of(p.samples)))
        .bind(p.truncated)
        .bind(!p.fits)
        .run();
  }
}

void Database::write_scores(const Evaluation& e, const std::string& scenario,
                            std::span<const Score> scores) {
  Statement insert(*this,
                   "INSERT OR REPLACE INTO scores "
                   "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (const Score& s : scores)
    insert.bind(e.node)
        .bind(scenario)
        .bind(s.cell)
        .bind(s.n)
        .bind(s.skipped)
        .bind(s.truncated)
        .bind(e.scenario.seed)
        .bind(s.headline.value)
        .bind(s.headline.low)
        .bind(s.headline.high)
        .bind(s.headline.error)
        .bind(s.graded.value)
        .bind(s.graded.low)
        .bind(s.graded.high)
        .bind(s.chance.value())
        .bind(s.chance.uniform)
        .bind(s.chance.majority)
        .bind(s.chance.shuffled)
        .bind(s.format)
        .bind(e.gate)
        .bind(template_name(e.form))
        .bind(e.dev_raw)
        .bind(e.dev_chat)
        .bind(run_id_)
        .run();
}

std::optional<double> Database::headline(const std::string& node, const std::string& scenario,
                                         const std::string& cell) const {
  Statement s(*this, "SELECT headline FROM current WHERE node = ? AND name = ? AND cell = ?");
  s.bind(node).bind(scenario).bind(cell);
  if (!s.step() || std::isnan(s.real(0))) return {};
  return s.real(0);
}

bool Database::has_same(const Evaluation& e) const {
  const Score& score = e.scores.at(0);
  Statement s(*this,
              "SELECT gate, n, headline, low, high, graded, chance FROM scores "
              "WHERE node = ? AND scenario = ? AND cell = ?");
  if (!s.bind(e.node).bind(e.scenario.digest).bind(score.cell).step()) return false;
  if (s.text(0) != e.gate || s.integer(1) != score.n) return false;
  int column = 2;
  for (const double now : {score.headline.value, score.headline.low, score.headline.high,
                           score.graded.value, score.chance.value()}) {
    const double before = s.real(column++);
    if (before != now && (!std::isnan(before) || std::isfinite(now))) return false;
  }
  return true;
}

std::vector<ScoreRow> Database::scores(const std::string& node) const {
  return rows("FROM current WHERE ?1 = '' OR node = ?1", {node});
}

std::vector<ScoreRow> Database::scores_of(const std::string& node,
                                          const std::string& digest) const {
  // A measure's scenario is the digest, a blank and its name.
  return rows(
      "FROM (SELECT d.name AS node_name, c.name, c.ability, c.headline AS of_ability, s.* "
      "FROM scores s JOIN scenarios c USING(scenario) JOIN nodes d USING(node)) "
      "WHERE node = ?1 AND (scenario = ?2 OR (scenario > ?2 || ' ' AND scenario < ?2 || '!'))",
      {node, digest});
}

int64_t Database::items_of_larger(const std::string& node, const std::string& digest) const {
  Statement s(*this,
              "SELECT o.n FROM current v JOIN scenarios o USING(scenario) WHERE v.node = ?1 "
              "AND v.cell = '' AND v.scenario <> ?2 "
              "AND v.name = (SELECT name FROM scenarios WHERE scenario = ?2)");
  return s.bind(node).bind(digest).step() ? s.integer(0) : 0;
}

std::vector<std::string> Database::titles(const std::string& name) const {
  Statement s(*this, "SELECT DISTINCT title FROM scenarios WHERE name = ?");
  s.bind(name);
  std::vector<std::string> result;
  while (s.step()) result.push_back(s.text(0));
  return result;
}

std::vector<ScoreRow> Database::rows(const std::string& from,
                                     const std::vector<std::string>& values) const {
  Statement s(*this,
              "SELECT node, node_name, ability, name, cell, template, gate, of_ability, n, "
              "skipped, truncated, seed, headline, low, high, graded, graded_low, graded_high, "
              "chance, shuffled, format " +
                  from + " ORDER BY ability, name, cell, node_name, node");
  for (const std::string& value : values) s.bind(value);
  std::vector<ScoreRow> result;
  while (s.step())
    result.push_back({.node = s.text(0),
                      .node_name = s.text(1),
                      .ability = s.text(2),
                      .scenario = s.text(3),
                      .cell = s.text(4),
                      .form = s.text(5),
                      .gate = s.text(6),
                      .headline_of_ability = s.integer(7) != 0,
                      .n = s.integer(8),
                      .skipped = s.integer(9),
                      .truncated = s.integer(10),
                      .seed = static_cast<uint64_t>(s.integer(11)),
                      .headline = s.real(12),
                      .low = s.real(13),
                      .high = s.real(14),
                      .graded = s.real(15),
                      .graded_low = s.real(16),
                      .graded_high = s.real(17),
                      .chance = s.real(18),
                      .shuffled = s.real(19),
                      .format = s.real(20)});
  return result;
}

std::vector<std::vector<std::string>> Database::query(const std::string& sql) const {
  Statement s(*this, sql);
  std::vector<std::vector<std::string>> rows;
  while (s.step()) {
    auto& row = rows.emplace_back();
    for (int c = 0; c < s.columns(); ++c) row.push_back(s.text(c));
  }
  return rows;
}

std::vector<std::pair<std::string, std::string>> Database::node_folders() const {
  std::vector<std::pair<std::string, std::string>> nodes;
  Statement s(*this, "SELECT node, folder FROM nodes ORDER BY node");
  while (s.step()) nodes.emplace_back(s.text(0), s.text(1));
  return nodes;
}

int64_t Database::bytes_of_nodes(const std::vector<std::string>& keys) const {
  const auto number = [this](const char* sql) {
    Statement s(*this, sql);
    s.step();
    return s.integer(0);
  };
  int64_t own = 0;
  Statement count(*this, "SELECT count(*) FROM predictions WHERE node = ?");
  for (const std::string& key : keys) {
    count.bind(key).step();
    own += count.integer(0);
    count.reset();
  }
  const auto share = static_cast<double>(own) / static_cast<double>(std::max<int64_t>(
                                                    1, number("SELECT count(*) FROM predictions")));
  const int64_t bytes = number("PRAGMA page_count") * number("PRAGMA page_size");
  return static_cast<int64_t>(share * static_cast<double>(bytes));
}

void Database::remove_nodes(const std::vector<std::string>& keys) {
  execute("BEGIN IMMEDIATE");
  try {
    for (const char* table : {"predictions", "scores", "nodes"}) {
      Statement remove(*this, std::string("DELETE FROM ") + table + " WHERE node = ?");
      for (const std::string& key : keys) remove.bind(key).run();
    }
    execute(R"sql(
      DELETE FROM items WHERE scenario NOT IN (SELECT scenario FROM scores);
      DELETE FROM scenarios WHERE scenario NOT IN (SELECT scenario FROM scores);
      DELETE FROM runs WHERE run NOT IN (SELECT run FROM scores WHERE run IS NOT NULL);
      COMMIT;)sql");
  } catch (...) {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
  execute("VACUUM");
}

}  // namespace lineage
