#include "lineage/data/csv_records.h"

namespace lineage {
namespace {

size_t quotes_in(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += c == '"';
  return count;
}

std::vector<std::string> fields_of_row(std::string_view row) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < row.size(); ++i) {
    const char c = row[i];
    if (quoted && c == '"' && i + 1 < row.size() && row[i + 1] == '"')
      fields.back() += row[++i];
    else if (c == '"' && (quoted || fields.back().empty()))
      quoted = !quoted;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

}  // namespace

bool CsvRecords::next(Reader& reader, CsvRecord& record) {
  record = {};
  std::string row;
  while (row.size() < limit_ && reader.line(row, limit_ - row.size())) {
    ++line_;
    if (row.find_first_not_of(" \t\r\n") == row.npos) {
      row.clear();
      continue;
    }
    if (record.line == 0) record.line = line_;
    // A row ends where its quotes are closed.
    if (row.ends_with('\n') && quotes_in(row) % 2 == 0) break;
  }
  if (row.empty()) return false;
  record.too_large = row.size() >= limit_;
  if (record.too_large && !row.ends_with('\n')) reader.skip_line();
  record.open_quote = quotes_in(row) % 2 != 0;
  row.erase(row.find_last_not_of("\r\n") + 1);
  record.fields = fields_of_row(row);
  return true;
}

}  // namespace lineage
