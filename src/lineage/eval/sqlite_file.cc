#include "lineage/eval/sqlite_file.h"

#include <sqlite3.h>

#include <cmath>

#include "lineage/base/error.h"

namespace lineage {

SqliteFile::SqliteFile(std::filesystem::path path, Access access) : path_(std::move(path)) {
  // Opened for writing even to read, where the system allows it: SQLite then rolls back the
  // half-written work of a killed process. Elsewhere SQLite opens read-only.
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
  if (access == Access::write) return;
  try {
    // Sorting takes memory instead of files: the disk may be full.
    execute("PRAGMA query_only = 1; PRAGMA temp_store = MEMORY");
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

SqliteFile::~SqliteFile() { sqlite3_close(db_); }

void SqliteFile::fail(const std::string& doing) const {
  const int code = sqlite3_errcode(db_);
  std::string help = "check space and permissions, and that no other program holds the file";
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    help = "move the file away; `lineage eval` then measures everything again";
  else if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
    help = "name a file that may be written, in a folder that may be, with --db";
  else if (code == SQLITE_FULL)
    help = "free some space on this disk, or name a file on another one with --db";
  throw Error(path_.string() + ": " + doing + " failed (" + sqlite3_errmsg(db_) +
                  "); wanted a whole database of scores",
              help);
}

void SqliteFile::execute(const char* sql) const {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail("writing");
}

void SqliteFile::roll_back() const { sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr); }

void SqliteFile::vacuum() const { sqlite3_exec(db_, "VACUUM", nullptr, nullptr, nullptr); }

int64_t SqliteFile::integer(const char* sql) const {
  Statement s(*this, sql);
  return s.step() ? s.integer(0) : 0;
}

std::vector<DatabaseRow> SqliteFile::query(const std::string& sql,
                                           const std::vector<std::string>& values) const {
  Statement s(*this, sql);
  for (const std::string& value : values) s.bind(value);
  const auto names = std::make_shared<const std::vector<std::string>>(s.names());
  std::vector<DatabaseRow> rows;
  while (s.step()) {
    std::vector<DatabaseRow::Value> row;
    row.reserve(names->size());
    for (size_t c = 0; c < names->size(); ++c) row.push_back(s.value(static_cast<int>(c)));
    rows.emplace_back(names, std::move(row));
  }
  return rows;
}

int64_t SqliteFile::last_row() const { return sqlite3_last_insert_rowid(db_); }

Statement::Statement(const SqliteFile& file, const std::string& sql) : file_(file) {
  if (sqlite3_prepare_v2(file.db_, sql.c_str(), -1, &statement_, nullptr) != SQLITE_OK)
    file.fail("reading");
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(std::string_view text) {
  // Without bytes data() may be null, which would bind NULL.
  sqlite3_bind_text(statement_, ++bound_, text.empty() ? "" : text.data(),
                    static_cast<int>(text.size()), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind(double value) {
  if (!std::isfinite(value)) return bind_null();
  sqlite3_bind_double(statement_, ++bound_, value);
  return *this;
}

Statement& Statement::bind_integer(int64_t value) {
  sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

Statement& Statement::bind_blob(const std::string& bytes) {
  if (bytes.empty()) return bind_null();
  sqlite3_bind_blob(statement_, ++bound_, bytes.data(), static_cast<int>(bytes.size()),
                    SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind_null() {
  sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

bool Statement::step() {
  const int status = sqlite3_step(statement_);
  if (status != SQLITE_ROW && status != SQLITE_DONE)
    file_.fail(sqlite3_stmt_readonly(statement_) ? "reading" : "writing");
  return status == SQLITE_ROW;
}

void Statement::reset() {
  sqlite3_reset(statement_);
  bound_ = 0;
}

void Statement::run() {
  step();
  reset();
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_, column);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes),
                             static_cast<size_t>(sqlite3_column_bytes(statement_, column)))
               : std::string();
}

double Statement::real(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL
             ? std::nan("")
             : sqlite3_column_double(statement_, column);
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

DatabaseRow::Value Statement::value(int column) const {
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

std::vector<std::string> Statement::names() const {
  std::vector<std::string> result;
  for (int c = 0; c < sqlite3_column_count(statement_); ++c)
    result.emplace_back(sqlite3_column_name(statement_, c));
  return result;
}

}  // namespace lineage
