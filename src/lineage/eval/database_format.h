#pragma once

#include "lineage/eval/sqlite_file.h"

namespace lineage {

// Leaves the file with the tables and views of database_schema.h, or refuses it with an Error. An
// empty file gets them, and a file of the version before becomes one of this version, unless it is
// opened to read: then its own tables and views serve.
void check_format(const SqliteFile&, SqliteFile::Access);

}  // namespace lineage
