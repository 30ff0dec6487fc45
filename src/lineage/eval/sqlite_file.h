#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/eval/database_row.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lineage {

// An open SQLite database. Errors name the file.
class SqliteFile {
 public:
  // `read` changes nothing: the file must exist, and folder and disk may be read-only or full.
  enum class Access : uint8_t { write, read };
  SqliteFile(std::filesystem::path, Access);
  ~SqliteFile();
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  void execute(const char* sql) const;
  // All of f's writes or, where it throws, none. No other process writes meanwhile.
  template <class F>
  void transaction(const F& f) const {
    execute("BEGIN IMMEDIATE");
    try {
      f();
      execute("COMMIT");
    } catch (...) {
      roll_back();
      throw;
    }
  }
  // Rewrites the file with its rows together and no free pages. A failure, as on a full disk,
  // leaves it as it was.
  void vacuum() const;
  int64_t integer(const char* sql) const;  // first column of the first row; 0 without a row
  std::vector<DatabaseRow> query(const std::string& sql,
                                 const std::vector<std::string>& values) const;
  int64_t last_row() const;  // the last inserted one
  const std::filesystem::path& path() const { return path_; }

 private:
  friend class Statement;
  void roll_back() const;
  [[noreturn]] void fail(const std::string& doing) const;

  std::filesystem::path path_;
  sqlite3* db_ = nullptr;
};

// A prepared statement; values are bound in order, and a step either works or throws.
class Statement {
 public:
  Statement(const SqliteFile&, const std::string& sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::string_view text);
  Statement& bind(const std::string& text) { return bind(std::string_view(text)); }
  Statement& bind(const char* text) { return bind(std::string_view(text)); }
  Statement& bind(double value);  // NaN and infinities, which SQL does not know, become NULL
  template <std::integral I>
  Statement& bind(I value) {
    return bind_integer(static_cast<int64_t>(value));
  }
  template <class T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind_null();
  }
  Statement& bind_blob(const std::string& bytes);  // NULL for none
  Statement& bind_null();

  bool step();   // true: there is a row
  void reset();  // the next value is bound to the first place again
  void run();    // a step, then reset

  // Columns of the row.
  std::string text(int column) const;
  double real(int column) const;  // NULL: NaN
  int64_t integer(int column) const;
  DatabaseRow::Value value(int column) const;
  std::vector<std::string> names() const;  // of all columns

 private:
  Statement& bind_integer(int64_t);

  const SqliteFile& file_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

}  // namespace lineage
