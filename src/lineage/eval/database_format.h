#pragma once

#include "lineage/eval/sqlite_file.h"

namespace lineage {

// Ensures that the file has the tables and views of database_schema.h, or throws an Error. An empty
// file gets them, and a file of the previous version is converted, unless it is opened to read:
// then its own tables and views are used.
void check_format(const SqliteFile&, SqliteFile::Access);

}  // namespace lineage
