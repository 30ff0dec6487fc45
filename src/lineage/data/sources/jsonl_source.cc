#include "lineage/data/sources/jsonl_source.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lineage/base/config.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

using Json = nlohmann::json;

std::vector<std::string> split_dots(const std::string& field) {
  std::vector<std::string> parts(1);
  for (const char c : field)
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

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

// Half a surrogate pair in an escape is no character, yet common writers let it through: like any
// invalid text it becomes U+FFFD. True when there was any.
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

[[noreturn]] void fail_missing(const Json& at, const std::string& part, const std::string& place) {
  std::vector<std::string> names;
  if (at.is_object())
    for (const auto& item : at.items()) names.push_back(item.key());
  const std::string near = nearest_name(part, names);
  if (names.size() > 12) names.resize(12), names.emplace_back("…");
  throw Error(fmt::format("{}: no field {}; {}", place, part,
                          at.is_object() ? fmt::format("there are {}", fmt::join(names, ", "))
                                         : fmt::format("it is inside {}", at.type_name())),
              near.empty() ? "set field to the name that holds the text"
                           : "did you mean field = \"" + near + "\"?");
}

}  // namespace

std::string json_text_field(std::string_view line, const std::vector<std::string>& path,
                            const std::string& place) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const Json::exception& e) {
    std::string_view what = e.what();  // "[json.exception.…] parse error at line 1, column 9: …"
    what.remove_prefix(std::min(what.size(), what.find(']') + 2));
    throw Error(fmt::format("{}: {}; wanted one JSON value on the line", place, what),
                "repair the line, or set bad_record = \"skip\" in this source");
  }
  const Json* at = &json;
  for (const std::string& part : path) {
    if (at->is_array() && !part.empty() && part.size() < 10 &&
        part.find_first_not_of("0123456789") == std::string::npos &&
        std::stoul(part) < at->size()) {
      at = &(*at)[std::stoul(part)];
    } else if (at->is_object() && at->contains(part)) {
      at = &(*at)[part];
    } else {
      fail_missing(*at, part, place);
    }
  }
  if (!at->is_string())
    throw Error(fmt::format("{}: field {} is {}; wanted a string", place, fmt::join(path, "."),
                            at->type_name()),
                "set field to the name that holds the text");
  return at->get<std::string>();
}

JsonlSource::JsonlSource(SourceConfig config, std::vector<InputFile> files)
    : Source(std::move(config), std::move(files)), path_(split_dots(config_.field)) {}

bool JsonlSource::read_document(Reader& reader, const InputFile& file, RawDocument& document) {
  if (reader.offset() == 0) line_ = 0;
  // A line of JSON is longer than its text by its other fields and its escapes.
  const size_t longest = 6 * limit() + (1 << 20);
  do {
    document.text.clear();
    document.offset = reader.offset();
    if (!reader.line(document.text, longest)) return false;
    ++line_;
  } while (document.text.find_first_not_of(" \t\r\n") == std::string::npos);
  document.place = fmt::format("{}:{}", file.path.string(), line_);
  if (document.text.size() == longest && document.text.back() != '\n') {
    reader.skip_line();
    document.dropped = dropped::kTooLarge;
  }
  return true;
}

void JsonlSource::extract(RawDocument& document) const {
  check_utf8(document);
  if (!document.dropped.empty()) return;
  if (config_.invalid_text == InvalidText::replace)
    document.repaired |= repair_lone_surrogates(document.text);
  try {
    document.text = json_text_field(document.text, path_, document.place);
  } catch (const Error&) {
    if (config_.bad_record == BadRecord::error) throw;
    document.dropped = dropped::kBadRecord;
    return;
  }
  if (document.text.size() > limit()) document.dropped = dropped::kTooLarge;
}

}  // namespace lineage
