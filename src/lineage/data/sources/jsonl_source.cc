#include "lineage/data/sources/jsonl_source.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lineage/base/config.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kRepair =
    "repair the record, or set bad_record = \"skip\" in this source";

std::vector<std::string> split_dots(const std::string& field) {
  std::vector<std::string> parts(1);
  for (const char c : field)
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
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

std::string json_text_field(std::string_view record, const std::vector<std::string>& path,
                            const std::string& place) {
  const Json json = parse_json_record(record, place);
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

JsonlSource::JsonlSource(SourceConfig config, FileList files)
    : Source(std::move(config), std::move(files)), path_(split_dots(config_.field)) {}

void JsonlSource::begin_file(Reader& reader, const InputFile& file) {
  // JSON is longer than its text by its other fields and its escapes.
  records_ = JsonRecords(file.path.string(), reader, 6 * limit() + (1 << 20));
}

bool JsonlSource::read_document(Reader& reader, const InputFile&, RawDocument& document) {
  JsonRecord record;
  if (!records_.next(reader, record)) return false;
  document.text = std::move(record.text);
  document.place = std::move(record.place);
  document.offset = record.offset;
  if (record.too_large) document.dropped = dropped::kTooLarge;
  return true;
}

void JsonlSource::extract(RawDocument& document) const {
  check_utf8(document);
  if (!document.dropped.empty()) return;
  if (config_.invalid_text == InvalidText::replace)
    document.repaired |= repair_lone_surrogates(document.text);
  try {
    document.text = json_text_field(document.text, path_, document.place);
  } catch (const Error& e) {
    if (config_.bad_record == BadRecord::error)
      throw Error(e.what(), e.hint().empty() ? std::string(kRepair) : e.hint());
    document.dropped = dropped::kBadRecord;
    return;
  }
  if (document.text.size() > limit()) document.dropped = dropped::kTooLarge;
}

}  // namespace lineage
