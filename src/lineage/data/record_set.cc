#include "lineage/data/record_set.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/data/charset.h"
#include "lineage/data/json_records.h"
#include "lineage/data/readable.h"
#include "lineage/data/source.h"
#include "lineage/data/stream.h"

namespace lineage {
namespace {

using TakeRecord = std::function<RecordRemarks(const nlohmann::json&, const std::string&)>;

constexpr size_t kMaxRecord = size_t{64} << 20;  // bytes

// Calls `take` with every record of a file.
void each_record(const InputFile& file, const std::function<void(JsonRecord&)>& take) {
  Reader reader(open_stream(file.path));
  const std::string_view head = reader.peek_bytes(kFileKindBytes);
  if (!readable(SourceKind::jsonl, head))
    throw unreadable(SourceKind::jsonl, file.path, file_kind(head));
  reader.skip(byte_order_mark(head));
  JsonRecords records(file.path.string(), reader, kMaxRecord);
  for (JsonRecord record; records.next(reader, record);) take(record);
}

// Reads a set; counts dropped records in `counts`.
class SetReader {
 public:
  SetReader(const RecordSetName& name, const RecordSetConfig& config, SourceRecord& counts,
            const TakeRecord& take)
      : name_(name), config_(config), counts_(counts), take_(take) {}

  void read(const InputFile& file) {
    try {
      each_record(file, [&](JsonRecord& record) {
        try {
          add(record);
        } catch (const Error& e) {
          judge(e, dropped::kBadRecord);
        }
      });
    } catch (const Error& e) {
      judge(e, "unreadable file");
    }
  }

 private:
  void add(JsonRecord& record) {
    if (record.too_large) return drop(dropped::kTooLarge);
    const TextState state = apply(config_.invalid_text, record.text, record.place, record.offset);
    if (state == TextState::unwanted) return drop(dropped::kInvalidText);
    const bool halves =
        config_.invalid_text == InvalidText::replace && repair_lone_surrogates(record.text);
    const RecordRemarks remarks = take_(parse_json_record(record.text, record.place), record.place);
    counts_.repaired += state == TextState::repaired || halves;
    for (const std::string& note : remarks.notes) ++counts_.notes[note];
    if (!remarks.dropped.empty()) drop(remarks.dropped);
  }

  void judge(const Error& e, std::string_view reason) {
    if (config_.bad_record == BadRecord::error) {
      std::string help = "correct the record";
      if (!name_.table.empty())
        help += fmt::format(", or set {}.{}.bad_record = \"skip\"", name_.table, name_.name);
      throw Error(e.what(), e.hint().empty() ? help : e.hint());
    }
    drop(reason);
  }
  void drop(std::string_view reason) { ++counts_.dropped[std::string(reason)]; }

  const RecordSetName& name_;
  const RecordSetConfig& config_;
  SourceRecord& counts_;
  const TakeRecord& take_;
};

}  // namespace

FileList list_files(const RecordSetConfig& config, const std::string& name) {
  SourceConfig files;
  files.kind = SourceKind::jsonl;
  files.paths = config.paths;
  return list_files(files, name);
}

void read_records(const RecordSetName& set, const RecordSetConfig& config, SourceRecord& record,
                  const TakeRecord& take) {
  record.name = set.name;
  record.kind = set.table;
  record.licence = config.licence;
  record.paths = config.paths;
  record.weight = config.weight;
  SetReader reader(set, config, record, take);
  FileList list = list_files(config, set.name);
  record.notes.merge(list.passed_over);
  for (const InputFile& file : list.files) {
    ++record.files;
    reader.read(file);
  }
}

Error nothing_read(const RecordSetName& set, const SourceRecord& record, const std::string& what) {
  const std::string why = describe_dropped(record);
  return Error(
      fmt::format("{}.{}: {} file{} no {}{}; wanted some", set.table, set.name, record.files,
                  record.files == 1 ? " holds" : "s hold", what, why.empty() ? "" : ": " + why),
      fmt::format("see docs/formats.md for the formats of {} that are read", set.table));
}

}  // namespace lineage
