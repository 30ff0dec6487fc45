#include "lineage/run/chat_columns.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

namespace lineage {
namespace {

// Bytes of UTF-8 that begin a character.
bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, begins_character));
}

// The bytes of the first `count` characters.
size_t bytes_of(std::string_view text, size_t count) {
  size_t at = 0;
  while (at < text.size() && (!begins_character(text[at]) || count-- > 0)) ++at;
  return at;
}

void wrap_line(const std::string& line, size_t width, std::vector<std::string>& lines) {
  std::istringstream words(line);
  std::string at;
  for (std::string word; words >> word;) {
    if (!at.empty() && characters(at) + 1 + characters(word) > width)
      lines.push_back(std::exchange(at, ""));
    at += (at.empty() ? "" : " ") + word;
    while (characters(at) > width) {
      const size_t cut = bytes_of(at, width);
      lines.push_back(at.substr(0, cut));
      at.erase(0, cut);
    }
  }
  lines.push_back(at);
}

}  // namespace

size_t column_width(size_t columns, size_t screen) {
  constexpr size_t kBetween = 2, kLeast = 24;
  if (columns == 0 || screen + kBetween < columns * (kLeast + kBetween)) return 0;
  return (screen + kBetween) / columns - kBetween;
}

std::vector<std::vector<std::string>> column_rows(std::span<const std::string> texts,
                                                  size_t width) {
  std::vector<std::vector<std::string>> columns;
  size_t rows = 0;
  for (const std::string& text : texts) {
    std::vector<std::string>& lines = columns.emplace_back();
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) wrap_line(line, width, lines);
    rows = std::max(rows, lines.size());
  }
  std::vector<std::vector<std::string>> result(rows);
  for (size_t r = 0; r < rows; ++r)
    for (const auto& lines : columns) {
      std::string cell = r < lines.size() ? lines[r] : "";
      cell.append(width - characters(cell), ' ');
      result[r].push_back(std::move(cell));
    }
  return result;
}

}  // namespace lineage
