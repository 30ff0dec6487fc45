#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lineage/base/file_kind.h"
#include "lineage/data/stream.h"

namespace lineage {

// One JSON value as in its file.
struct JsonRecord {
  std::string text;
  std::string place;       // "a.jsonl:14", or "a.json: entry 3" of an array
  int64_t number = 0;      // the place's: of the line from 1, of the entry from 0
  int64_t offset = 0;      // of the text, in the unpacked file
  bool too_large = false;  // longer than the limit; the text is cut, the rest skipped
};

// The JSON values of a file, in constant memory: the lines of a file of JSON lines, the entries of
// a file that is one array (or several), the values of a file that writes each over several lines.
class JsonRecords {
 public:
  JsonRecords() = default;
  // `reader` is at the file's beginning, behind its byte-order mark. `limit` is in bytes.
  JsonRecords(std::string file, Reader& reader, size_t limit);

  // The next value; false at the end. Blank lines are skipped. Text that is not JSON is returned as
  // it is: a line, or the part up to the next comma or blank. A file that ends inside an array
  // gives an empty text at its end.
  bool next(Reader&, JsonRecord&);

 private:
  enum class Layout : uint8_t { lines, array, values };
  static Layout layout_of(Reader&);
  bool next_line(Reader&, JsonRecord&);
  bool next_value(Reader&, JsonRecord&);
  bool pass_blanks(Reader&, bool commas);
  bool read_value(Reader&, JsonRecord&);  // false where the file ends inside it

  std::string file_;
  size_t limit_ = 0;
  Layout layout_ = Layout::lines;
  bool inside_ = false;  // of an array
  int64_t line_ = 1, entry_ = 0;
};

// Parses one record; retries invalid JSON without_non_finite(). Throws an Error "place: …; wanted
// one JSON value" for anything else.
nlohmann::json parse_json_record(std::string_view text, const std::string& place);

// Python's names of numbers that JSON lacks, NaN, Infinity and -Infinity, become null outside
// strings.
std::string without_non_finite(std::string_view json);

// Half a surrogate pair in an escape (\ud83d alone) is no character, yet common writers produce it:
// like any invalid text it becomes U+FFFD. True when there was any.
bool repair_lone_surrogates(std::string& json);

}  // namespace lineage
