#include "lineage/eval/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/eval/database_schema.h"
#include "lineage/eval/packed_scores.h"

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

const char* template_name(PromptSpec::Template t) { return name_of(t, {"raw", "chat"}); }

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
  Statement& bind(std::string_view text) { return bind(std::string(text)); }
  Statement& bind(const char* text) { return bind(std::string(text)); }
  Statement& bind_blob(const std::string& bytes) {  // NULL for none
    bytes.empty() ? sqlite3_bind_null(statement_, ++bound_)
                  : sqlite3_bind_blob(statement_, ++bound_, bytes.data(),
                                      static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
    return *this;
  }
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
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (int c = 0; c < columns(); ++c) result.emplace_back(sqlite3_column_name(statement_, c));
    return result;
  }
  std::variant<std::monostate, int64_t, double, std::string> value(int column) const {
    switch (sqlite3_column_type(statement_, column)) {
      case SQLITE_NULL:
        return {};
      case SQLITE_INTEGER:
        return integer(column);
      case SQLITE_FLOAT:
        return sqlite3_column_double(statement_, column);
      case SQLITE_BLOB: {
        const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
        return std::string(bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
      }
      default:
        return text(column);
    }
  }

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
  if (version != kSchemaVersion)
    throw Error(fmt::format("{}: is a database of format {}; wanted {}", path_.string(), version,
                            kSchemaVersion),
                version < kSchemaVersion
                    ? "an earlier version of Lineage wrote it; move the file away, and `lineage "
                      "grow` or `lineage eval` measures again"
                    : "a later version of Lineage wrote it; move the file away, or use that one");
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
    execute(kViews);
    execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
    execute(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
  }
  execute("COMMIT");
}

void Database::add_node(const NodeRecord& n) {
  Statement(
      *this,
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

bool Database::has(const std::string& node, const std::string& digest) const {
  Statement s(*this, "SELECT 1 FROM measured WHERE node_key = ? AND digest = ? AND cell = ''");
  return s.bind(node).bind(digest).step();
}

void Database::write(const Evaluation& e) {
  assert(e.items.size() == e.predictions.size());
  std::unique_lock<std::mutex> first;
  if (run_) first = std::unique_lock(run_->first);
  if (run_ && run_->id != 0) first.unlock();
  execute("BEGIN IMMEDIATE");
  try {
    run_id_ = !run_ ? 0 : run_->id != 0 ? run_->id : insert_run();
    const int64_t node = node_id(e.node), scenario = write_scenario(e);
    write_items(e, scenario);
    write_predictions(e, node, scenario);
    write_scores(e, node, scenario, e.scores);
    for (size_t a = 0; a < e.aggregates.size(); ++a)
      if (!e.aggregates[a].empty())
        write_scores(e, node, write_scenario(e, scenario, e.scenario.spec->aggregates[a]),
                     e.aggregates[a]);
    execute("COMMIT");
    if (run_ && first.owns_lock()) run_->id = run_id_;
  } catch (...) {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

int64_t Database::node_id(const std::string& key) const {
  Statement s(*this, "SELECT node FROM nodes WHERE key = ?");
  require(s.bind(key).step(), "database: a score of a node that was not added");
  return s.integer(0);
}

int64_t Database::write_scenario(const Evaluation& e) {
  const ScenarioSpec& spec = *e.scenario.spec;
  return write_scenario(e, e.scenario.digest, std::nullopt,
                        {spec.name, spec.ability, spec.title, spec.parent_row, spec.metric.info});
}

int64_t Database::write_scenario(const Evaluation& e, int64_t predictions_of,
                                 const AggregateMetric& a) {
  const ScenarioSpec& spec = *e.scenario.spec;
  return write_scenario(
      e, e.scenario.digest + " " + a.name, predictions_of,
      {a.name, a.ability.empty() ? spec.ability : a.ability, a.title, a.parent_row, a.metric});
}

int64_t Database::write_scenario(const Evaluation& e, const std::string& digest,
                                 std::optional<int64_t> predictions_of, const RowInfo& row) {
  const PromptSpec& p = e.scenario.spec->prompt;
  Statement insert(
      *this,
      "INSERT INTO scenarios(digest, predictions_of, name, ability, parent_row, title, metric, "
      "kind, "
      "unit, better, target, has_chance, method, reasoning, vote, shots, samples, n, seed, "
      "revision) "
      "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(digest) DO UPDATE SET "
      "title = excluded.title RETURNING scenario");
  const bool there =
      insert.bind(digest)
          .bind(predictions_of)
          .bind(row.name)
          .bind(row.ability)
          .bind(row.parent_row)
          .bind(row.title)
          .bind(row.metric.name)
          .bind(metric_kind_name(row.metric.kind))
          .bind(row.metric.unit)
          .bind(better_name(row.metric.better))
          .bind(row.metric.better == Better::nearest ? row.metric.target : std::nan(""))
          .bind(row.metric.has_chance)
          .bind(name_of(p.method, {"choose", "generate", "likelihood"}))
          .bind(name_of(p.reasoning, {"direct", "chain"}))
          .bind(name_of(p.vote, {"first", "majority", "complexity"}))
          .bind(p.shots)
          .bind(p.samples)
          .bind(e.scenario.n)
          .bind(e.scenario.seed)
          .bind(e.scenario.revision)
          .step();
  require(there, "database: a scenario has no number");
  return insert.integer(0);
}

namespace {

// The choices of a schema are its contexts.
const std::vector<Part>& choices_of(const Instance& item) {
  return item.contexts.empty() ? item.answers : item.contexts;
}

std::vector<std::string> answers_of(const std::vector<DrawnAnswer>& samples) {
  std::vector<std::string> answers;
  for (const DrawnAnswer& s : samples) answers.push_back(s.answer);
  return answers;
}

// The text of an output, unless the choice's index gives it.
std::optional<std::string> stored_output(const Instance& item, const Prediction& p) {
  const auto& choices = choices_of(item);
  const bool is_choice = p.chosen >= 0 && p.chosen < std::ssize(choices) &&
                         choices[static_cast<size_t>(p.chosen)].text == p.output;
  return is_choice ? std::nullopt : std::optional(p.output);
}

}  // namespace

void Database::write_items(const Evaluation& e, int64_t scenario) {
  Statement insert(*this, "INSERT OR IGNORE INTO items VALUES(?,?,?,?,?,?,?,?,?)");
  int64_t position = 0;
  for (const Instance& item : e.items) {
    Json answers = Json::array();
    for (const Part& a : choices_of(item)) answers.push_back(a.text);
    insert.bind(scenario)
        .bind(position++)
        .bind(item.id)
        .bind(item.cell)
        .bind(item.cluster)
        .bind(item.contexts.empty() ? item.question.text : item.answers[0].text)
        .bind(json_text(answers))
        .bind(item.correct)
        .bind(item.chain.text)
        .run();
  }
}

void Database::write_predictions(const Evaluation& e, int64_t node, int64_t scenario) {
  Statement insert(*this, "INSERT OR REPLACE INTO predictions VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (size_t i = 0; i < e.items.size(); ++i) {
    const Prediction& p = e.predictions[i];
    insert.bind(node)
        .bind(scenario)
        .bind(i)
        .bind(stored_output(e.items[i], p))
        .bind(p.answer == p.output ? std::nullopt : std::optional(p.answer))
        .bind(p.chosen)
        .bind(p.fits ? e.scenario.spec->metric.score(e.items[i], p) : std::nan(""))
        .bind(p.fits ? p.log_prob : std::nan(""))
        .bind(p.format)
        .bind_blob(pack_scores(p.scores))
        .bind(p.samples.empty() ? std::nullopt : std::optional(json_text(answers_of(p.samples))))
        .bind(p.truncated)
        .bind(!p.fits)
        .run();
  }
}

void Database::write_scores(const Evaluation& e, int64_t node, int64_t scenario,
                            std::span<const Score> scores) {
  Statement insert(*this,
                   "INSERT OR REPLACE INTO scores "
                   "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (const Score& s : scores)
    insert.bind(node)
        .bind(scenario)
        .bind(s.cell)
        .bind(s.n)
        .bind(s.skipped)
        .bind(s.truncated)
        .bind(e.scenario.seed)
        .bind(s.estimate.value)
        .bind(s.estimate.low)
        .bind(s.estimate.high)
        .bind(s.estimate.error)
        .bind(s.log_likelihood.value)
        .bind(s.log_likelihood.low)
        .bind(s.log_likelihood.high)
        .bind(s.chance.value())
        .bind(s.chance.uniform)
        .bind(s.chance.majority)
        .bind(s.chance.shuffled)
        .bind(s.format)
        .bind(e.not_measurable)
        .bind(template_name(e.prompt_template))
        .bind(e.dev_raw)
        .bind(e.dev_chat)
        .bind(run_id_)
        .run();
}

std::optional<double> Database::current_score(const std::string& node, const std::string& scenario,
                                              const std::string& cell) const {
  Statement s(*this, "SELECT score FROM current WHERE node_key = ? AND name = ? AND cell = ?");
  s.bind(node).bind(scenario).bind(cell);
  if (!s.step() || std::isnan(s.real(0))) return {};
  return s.real(0);
}

bool Database::has_same(const Evaluation& e) const {
  const Score& score = e.scores.at(0);
  Statement s(*this,
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
  Statement s(*this,
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
  Statement s(*this, sql);
  for (const std::string& value : values) s.bind(value);
  const auto names = std::make_shared<const std::vector<std::string>>(s.names());
  std::vector<DatabaseRow> rows;
  while (s.step()) {
    DatabaseRow& row = rows.emplace_back();
    row.names_ = names;
    for (int c = 0; c < s.columns(); ++c) row.values_.push_back(s.value(c));
  }
  return rows;
}

const DatabaseRow::Value& DatabaseRow::value(std::string_view column) const {
  const auto at = std::ranges::find(*names_, column);
  require(at != names_->end(), fmt::format("database: a query has no column {}", column));
  return values_[static_cast<size_t>(at - names_->begin())];
}

namespace {

struct AsText {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(int64_t i) const { return std::to_string(i); }
  std::string operator()(double d) const { return fmt::format("{}", d); }
  std::string operator()(const std::string& s) const { return s; }
};

}  // namespace

std::string DatabaseRow::text(std::string_view column) const {
  return std::visit(AsText{}, value(column));
}

double DatabaseRow::number(std::string_view column) const {
  const Value& v = value(column);
  if (const auto* d = std::get_if<double>(&v)) return *d;
  if (const auto* i = std::get_if<int64_t>(&v)) return static_cast<double>(*i);
  return std::nan("");
}

int64_t DatabaseRow::integer(std::string_view column) const {
  const Value& v = value(column);
  if (const auto* i = std::get_if<int64_t>(&v)) return *i;
  const double d = number(column);
  return std::isnan(d) ? 0 : static_cast<int64_t>(d);
}

std::vector<std::string> DatabaseRow::texts() const {
  std::vector<std::string> result;
  for (const Value& v : values_) result.push_back(std::visit(AsText{}, v));
  return result;
}

std::vector<std::pair<std::string, std::string>> Database::node_folders() const {
  std::vector<std::pair<std::string, std::string>> nodes;
  Statement s(*this, "SELECT key, folder FROM nodes ORDER BY key");
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
  Statement count(*this, "SELECT count(*) FROM predictions JOIN nodes USING(node) WHERE key = ?");
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
      Statement remove(*this, fmt::format("DELETE FROM {} WHERE node = "
                                          "(SELECT node FROM nodes WHERE key = ?)",
                                          table));
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
