#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lineage/data/stream.h"

namespace lineage {

// One row of a table.
struct CsvRecord {
  std::vector<std::string> fields;
  int64_t line = 0;         // the row's first, from 1
  bool too_large = false;   // longer than the limit; the rest of the row is skipped
  bool open_quote = false;  // the file ends inside a quoted field
};

// The rows of a file of comma-separated values (RFC 4180), in constant memory: a field in quotes
// may hold commas, line feeds and doubled quotes. Blank lines are skipped.
class CsvRecords {
 public:
  // `limit`: the most bytes of a row.
  explicit CsvRecords(size_t limit) : limit_(limit) {}
  // The next row; false at the end.
  bool next(Reader&, CsvRecord&);

 private:
  size_t limit_;
  int64_t line_ = 0;
};

}  // namespace lineage
