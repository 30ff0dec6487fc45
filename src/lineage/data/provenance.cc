#include "lineage/data/provenance.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace lineage {
namespace {

// One list of fields for both directions.
template <class Record, class Visit>
void each_field(Record& r, const Visit& visit) {
  visit("name", r.name);
  visit("kind", r.kind);
  visit("licence", r.licence);
  visit("paths", r.paths);
  visit("files", r.files);
  visit("documents", r.documents);
  visit("bytes", r.bytes);
  visit("tokens", r.tokens);
  visit("heldout_documents", r.heldout_documents);
  visit("heldout_bytes", r.heldout_bytes);
  visit("heldout_tokens", r.heldout_tokens);
  visit("repaired", r.repaired);
  visit("truncated", r.truncated);
  visit("dropped", r.dropped);
  visit("notes", r.notes);
  visit("licences", r.licences);
  visit("digest", r.digest);
  visit("weight", r.weight);
  visit("epochs", r.epochs);
  visit("generated", r.generated);
}

}  // namespace

void to_json(nlohmann::json& json, const SourceRecord& record) {
  json = nlohmann::json::object();
  each_field(record, [&](const char* key, const auto& value) { json[key] = value; });
}

void from_json(const nlohmann::json& json, SourceRecord& record) {
  each_field(record, [&](const char* key, auto& value) {
    const bool later = key == std::string_view("notes") || key == std::string_view("generated");
    if (!later || json.contains(key)) json.at(key).get_to(value);  // earlier versions lack those
  });
}

std::string describe_dropped(const SourceRecord& record) {
  std::string reasons;
  int64_t all = 0;
  for (const auto& [reason, count] : record.dropped) {
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", count, reason);
    all += count;
  }
  std::vector<std::string> parts;
  if (all > 0) parts.push_back(fmt::format("{} dropped ({})", all, reasons));
  if (record.truncated > 0) parts.push_back(fmt::format("{} cut to the context", record.truncated));
  if (record.repaired > 0)
    parts.push_back(fmt::format("{} with invalid text replaced", record.repaired));
  for (const auto& [what, count] : record.notes)
    parts.push_back(fmt::format("{}: {}", what, count));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace lineage
