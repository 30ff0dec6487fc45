#include "lineage/report/markdown_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lineage {

std::string cell_text(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '|')
      result += "\\|";
    else if (c == '\n')
      result += ' ';
    else
      result += c;
  }
  return result;
}

std::string table_row(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

std::string table_head(const std::vector<std::string>& cells) {
  return table_row(cells) + table_row(std::vector<std::string>(cells.size(), "---"));
}

}  // namespace lineage
