#pragma once

#include <string>
#include <vector>

namespace lineage {

// Rows of a table in Markdown.
std::string table_row(const std::vector<std::string>& cells);
std::string table_head(const std::vector<std::string>& cells);
// A "|" would end the cell of a table, and a line its row.
std::string cell_text(const std::string&);

}  // namespace lineage
