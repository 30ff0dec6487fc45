#include "lineage/eval/database_format.h"

#include <fmt/format.h>

#include "lineage/base/error.h"
#include "lineage/eval/database_schema.h"

namespace lineage {
namespace {

int64_t tables(const SqliteFile& file) {
  return file.integer("SELECT count(*) FROM sqlite_master");
}

int64_t version_of(const SqliteFile& file) { return file.integer("PRAGMA user_version"); }

void set(const SqliteFile& file, const char* pragma, int value) {
  file.execute(fmt::format("PRAGMA {} = {}", pragma, value).c_str());
}

void create_tables(const SqliteFile& file) {
  set(file, "page_size", kPageSize);  // holds while there is no table
  file.transaction([&] {
    if (tables(file) != 0) return;  // another process was faster
    for (const char* sql : {kScoreTables, kAnswerTables, kScoreViews, kAnswerViews})
      file.execute(sql);
    set(file, "application_id", kApplicationId);
    set(file, "user_version", kSchemaVersion);
  });
}

void migrate(const SqliteFile& file) {
  file.transaction([&] {
    if (version_of(file) != kMigratedVersion) return;  // another process was faster
    for (const char* sql :
         {kSetVersion3Aside, kAnswerTables, kMoveFromVersion3, kScoreViews, kAnswerViews})
      file.execute(sql);
    set(file, "user_version", kSchemaVersion);
  });
  set(file, "page_size", kPageSize);  // takes effect as the file is written afresh
  file.vacuum();
}

}  // namespace

void check_format(const SqliteFile& file, SqliteFile::Access access) {
  const bool writes = access == SqliteFile::Access::write;
  if (writes && tables(file) == 0) create_tables(file);
  if (file.integer("PRAGMA application_id") != kApplicationId)
    throw Error(file.path().string() + ": is another program's database; wanted one of scores",
                "name another file with --db");
  const int64_t version = version_of(file);
  if (version != kSchemaVersion && version != kMigratedVersion)
    throw Error(fmt::format("{}: is a database of format {}; wanted {}", file.path().string(),
                            version, kSchemaVersion),
                version < kSchemaVersion
                    ? "an earlier version of Lineage wrote it; move the file away, and `lineage "
                      "grow` or `lineage eval` measures again"
                    : "a later version of Lineage wrote it; move the file away, or use that one");
  Statement check(file, "PRAGMA quick_check(1)");
  if (check.step() && check.text(0) != "ok")
    throw Error(
        file.path().string() + ": is damaged (" + check.text(0) + "); wanted a whole database",
        "move the file away; `lineage eval` then measures everything again");
  check.reset();
  if (writes && version == kMigratedVersion) migrate(file);
}

}  // namespace lineage
