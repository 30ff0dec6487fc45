#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/data/files.h"
#include "lineage/data/provenance.h"
#include "lineage/data/record_turns.h"
#include "lineage/data/source_config.h"

namespace lineage {

// The treatment of a record longer than the context: its front is cut (of the first prompt), its
// end is cut, or it is left out.
enum class TooLong : uint8_t { cut_front, cut_end, drop };
constexpr std::array<std::string_view, 3> enum_names(TooLong) {
  return {"cut_front", "cut_end", "drop"};
}

// JSON records in files, to tune a model on: conversations, or comparisons of answers.
struct RecordSetConfig {
  std::vector<std::string> paths{};
  double weight = 1;
  std::string licence{};
  InvalidText invalid_text = InvalidText::replace;
  BadRecord bad_record = BadRecord::error;
  TooLong too_long = TooLong::cut_front;
  double heldout = 0.05;
};

template <class V>
void fields(V& v, RecordSetConfig& c) {
  v("paths", c.paths, "files, folders or patterns: JSONL, or JSON arrays, plain or packed", kPaths);
  v("weight", c.weight, "share of the training rows, relative to the other sets'",
    from_above_to(0, 1e9));
  v("licence", c.licence, "what they are under, for the record");
  v("invalid_text", c.invalid_text,
    "on invalid UTF-8: replace it by U+FFFD, skip the record, error");
  v("bad_record", c.bad_record, "on a record that cannot be read: error or skip");
  v("too_long", c.too_long,
    "of one longer than the context: cut_front (of the prompt), cut_end, or drop");
  v("heldout", c.heldout, "share of the bytes kept out of training: records by a hash of them",
    from_to_below(0, 1));
}

// The files of a set.
FileList list_files(const RecordSetConfig&, const std::string& name);

// What a set is called in a recipe and in messages.
struct RecordSetName {
  std::string table;  // "conversations"; empty: files that no recipe names
  std::string name;
};

// Calls `take` with every record of a set's files, in their order. Counts in `record` the records
// that are skipped, by the config's rules or by what `take` returns. An Error of `take` is one of a
// bad record.
void read_records(
    const RecordSetName&, const RecordSetConfig&, SourceRecord& record,
    const std::function<RecordRemarks(const nlohmann::json&, const std::string& place)>& take);

// The Error for a set without a single record of use; `what` is what it should have held.
Error nothing_read(const RecordSetName&, const SourceRecord&, const std::string& what);

}  // namespace lineage
