#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lineage {

// The width of each of `columns` columns with two blanks between them, on a screen of so many
// characters a line; 0 when they would be too narrow to read.
size_t column_width(size_t columns, size_t screen);

// Texts side by side, each wrapped to the width: rows of one cell a text, filled up with blanks.
// Words that are longer than the width are cut.
std::vector<std::vector<std::string>> column_rows(std::span<const std::string> texts, size_t width);

}  // namespace lineage
