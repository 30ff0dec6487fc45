#include "lineage/data/json_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lineage/base/error.h"

namespace lineage {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// Follows brackets and strings to the end of the value that begins with the first character.
class ValueEnd {
 public:
  // The number of characters of `text` that belong to the value; all of them until it ends.
  size_t scan(std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i)
      if (const char c = text[i]; escaped_) {
        escaped_ = false;
      } else if (quoted_) {
        escaped_ = c == '\\';
        if (c == '"') quoted_ = false, done_ = depth_ == 0;
        if (done_) return i + 1;
      } else if (bare_ || depth_ == 0) {
        if (!begin(c)) return i;
      } else if (c == '"') {
        quoted_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if ((c == '}' || c == ']') && --depth_ == 0) {
        done_ = true;
        return i + 1;
      }
    return text.size();
  }
  bool done() const { return done_; }

 private:
  // The first character decides; a bare word ends before a blank, a comma or a bracket.
  bool begin(char c) {
    if (bare_) {
      done_ = kBlanks.find(c) != std::string_view::npos || c == ',' || c == ']';
      return !done_;
    }
    if (c == '{' || c == '[')
      depth_ = 1;
    else if (c == '"')
      quoted_ = true;
    else
      bare_ = true;
    return true;
  }

  int64_t depth_ = 0;
  bool quoted_ = false, escaped_ = false, bare_ = false, done_ = false;
};

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

// The code unit of an escape \uXXXX at `at`, or -1.
int escaped_unit(std::string_view json, size_t at) {
  if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u') return -1;
  int unit = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    if (hex_digit(json[i]) < 0) return -1;
    unit = unit * 16 + hex_digit(json[i]);
  }
  return unit;
}

std::string help_for(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t{");
  if (first != std::string_view::npos && text.starts_with('{') && text[first] == '\'')
    return "this is how Python prints a dict; write it with json.dumps()";
  if (first != std::string_view::npos && !text.starts_with('{') &&
      std::string_view("[\"-0123456789tfnNI").find(text[first]) == std::string_view::npos)
    return "write one JSON object a line; of a table: python3 -c \"import pandas; pandas.read_csv("
           "'FILE', sep=None, engine='python').to_json('out.jsonl', orient='records', "
           "lines=True)\"";
  return {};
}

}  // namespace

JsonRecords::JsonRecords(std::string file, Reader& reader, size_t limit)
    : file_(std::move(file)), limit_(limit), layout_(layout_of(reader)) {}

JsonRecords::Layout JsonRecords::layout_of(Reader& reader) {
  const std::string_view head = reader.peek_bytes(kFileKindBytes);
  const FileKind kind = file_kind(head);
  if (kind == FileKind::json_pretty) return Layout::values;
  if (kind != FileKind::json_array) return Layout::lines;
  // Lines may be arrays themselves: the first then ends where its line does, and one more follows.
  const size_t begin = head.find('[');
  ValueEnd first;
  const size_t end = begin + first.scan(head.substr(begin));
  const size_t next = head.find_first_not_of(" \t\r", end);
  const size_t after = head.find_first_not_of(kBlanks, end);
  const bool lines = first.done() && next != std::string_view::npos && head[next] == '\n' &&
                     after != std::string_view::npos && head[after] == '[';
  return lines ? Layout::lines : Layout::array;
}

bool JsonRecords::next(Reader& reader, JsonRecord& record) {
  record = {};
  return layout_ == Layout::lines ? next_line(reader, record) : next_value(reader, record);
}

bool JsonRecords::next_line(Reader& reader, JsonRecord& record) {
  for (;;) {
    record.text.clear();
    record.offset = reader.offset();
    record.number = line_;
    record.place = fmt::format("{}:{}", file_, line_);
    if (!reader.line(record.text, limit_)) return false;
    ++line_;
    record.too_large = record.text.size() == limit_ && record.text.back() != '\n';
    if (record.too_large) reader.skip_line();
    if (record.text.find_first_not_of(kBlanks) != std::string::npos) return true;
  }
}

// Passes over blanks, in an array over commas too; false at the end of the file.
bool JsonRecords::pass_blanks(Reader& reader, bool commas) {
  for (int c; (c = reader.peek()) >= 0; reader.skip(1)) {
    if (c == '\n') ++line_;
    if (kBlanks.find(static_cast<char>(c)) == std::string_view::npos && !(commas && c == ','))
      return true;
  }
  return false;
}

bool JsonRecords::next_value(Reader& reader, JsonRecord& record) {
  for (;;) {
    const bool more = pass_blanks(reader, inside_);
    if (!more && !inside_) return false;
    if (layout_ == Layout::array && more && !inside_ && reader.peek() == '[')
      inside_ = true, reader.skip(1);
    else if (inside_ && more && reader.peek() == ']')
      inside_ = false, reader.skip(1);
    else
      break;
  }
  record.offset = reader.offset();
  const bool entry = layout_ == Layout::array;
  record.number = entry ? entry_++ : line_;
  record.place = fmt::format("{}{}{}", file_, entry ? ": entry " : ":", record.number);
  if (!read_value(reader, record)) inside_ = false;
  return true;
}

bool JsonRecords::read_value(Reader& reader, JsonRecord& record) {
  ValueEnd end;
  while (!end.done() && reader.peek() >= 0) {
    const std::string_view there = reader.peek_bytes(1);
    const std::string_view value = there.substr(0, end.scan(there));
    line_ += std::ranges::count(value, '\n');
    const size_t kept = std::min(value.size(), limit_ - record.text.size());
    record.too_large |= kept < value.size();
    const size_t passed = value.size() - kept;
    reader.take(record.text, kept);
    reader.skip(passed);
  }
  return end.done();
}

std::string without_non_finite(std::string_view json) {
  static constexpr std::array<std::string_view, 3> kNames = {"-Infinity", "Infinity", "NaN"};
  std::string out;
  out.reserve(json.size());
  bool quoted = false;
  for (size_t at = 0; at < json.size();) {
    const std::string_view rest = json.substr(at);
    const auto name = std::ranges::find_if(
        kNames, [&](std::string_view n) { return !quoted && rest.starts_with(n); });
    if (name != kNames.end()) {
      out += "null";
      at += name->size();
      continue;
    }
    if (json[at] == '"') quoted = !quoted;
    if (quoted && json[at] == '\\' && at + 1 < json.size()) out += json[at++];
    out += json[at++];
  }
  return out;
}

nlohmann::json parse_json_record(std::string_view text, const std::string& place) {
  using Json = nlohmann::json;
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_discarded()) return json;
  try {
    return Json::parse(without_non_finite(text));
  } catch (const Json::exception& e) {
    std::string_view what = e.what();  // "[json.exception.…] parse error at line 1, column 9: …"
    what.remove_prefix(std::min(what.size(), what.find(']') + 2));
    throw Error(fmt::format("{}: {}; wanted one JSON value", place, what), help_for(text));
  }
}

bool repair_lone_surrogates(std::string& json) {
  bool repaired = false;
  for (size_t at = json.find('\\'); at < json.size(); at = json.find('\\', at)) {
    const int unit = escaped_unit(json, at);
    if (unit < 0xD800 || unit >= 0xE000) {
      at += 2;
    } else if (const int low = escaped_unit(json, at + 6);
               unit < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
      at += 12;
    } else {
      json.replace(at, 6, "\\ufffd");
      at += 6;
      repaired = true;
    }
  }
  return repaired;
}

}  // namespace lineage
