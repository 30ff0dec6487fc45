#include "lineage/eval/scenarios/item_file.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/base/json.h"
#include "lineage/data/charset.h"
#include "lineage/data/csv_records.h"
#include "lineage/data/json_records.h"

namespace lineage {
namespace {

constexpr size_t kMaxRecord = size_t{1} << 28;  // bytes; of a whole task, its examples together
constexpr std::string_view kBlanks = " \t\r\n";
// The keys of a list of records in an object that holds nothing else of a question.
constexpr std::array<std::string_view, 2> kLists = {"examples", "Data"};
constexpr std::array<const char*, 6> kMmlu = {"question", "A", "B", "C", "D", "answer"};

struct Line {
  std::string text;    // without white space at its ends
  int64_t number = 0;  // from 1
};

// The next line that is not blank.
std::optional<Line> next_line(Reader& reader, int64_t& number) {
  for (std::string text; reader.line(text, kMaxRecord); text.clear()) {
    ++number;
    const size_t first = text.find_first_not_of(kBlanks);
    if (first == text.npos) continue;
    return Line{text.substr(first, text.find_last_not_of(kBlanks) - first + 1), number};
  }
  return std::nullopt;
}

bool is_place(const std::string& line, char last) {
  return line.size() == 1 && '0' <= line[0] && line[0] <= last;
}

class ItemReader {
 public:
  ItemReader(std::string name, std::unique_ptr<ByteStream> bytes, const ItemFileOptions& options)
      : name_(std::move(name)), options_(options), reader_(std::move(bytes)) {}

  ItemFile read() {
    const std::string head(reader_.peek_bytes(kFileKindBytes));
    const size_t mark = byte_order_mark(head), first = head.find_first_not_of(kBlanks, mark);
    if (first == head.npos) throw Error(name_ + ": is empty; wanted questions, one a line");
    reader_.skip(mark);
    const FileKind kind = file_kind(head);
    // Six lines of prose may have as many commas each.
    const bool text = kind == FileKind::text || kind == FileKind::csv;
    if (kind == FileKind::json_object || kind == FileKind::json_pretty ||
        kind == FileKind::json_array || (text && (head[first] == '{' || head[first] == '[')))
      json();  // and of text that only begins as JSON the first bad record is named
    else if (text && (kind == FileKind::csv || begins_as_table()) && !begins_with_six_lines())
      table();
    else if (text)
      six_lines(kind);
    else
      refuse(kind);
    if (file_.format && file_.format->finish && !file_.items.empty())
      file_.format->finish(file_.items);
    if (file_.items.empty())
      throw Error(file_.skipped.empty() ? name_ + ": has no question; wanted one at least"
                                        : file_.skipped[0]);
    file_.left_out.assign(left_out_.begin(), left_out_.end());
    return std::move(file_);
  }

 private:
  [[noreturn]] void refuse(FileKind kind) const {
    const std::string help = file_kind_help(kind, name_);
    throw Error(name_ + ": is " + std::string(file_kind_name(kind)) +
                    "; wanted questions as JSON, one object a line",
                help.empty() ? "docs/benchmarks.md lists the formats that are read" : help);
  }

  template <class Take>
  void try_record(const Take& take) {
    try {
      take();
    } catch (const Error& e) {
      if (options_.malformed == Malformed::error) throw;
      file_.skipped.push_back(e.what());
    }
  }

  void add(Instance item, int64_t id) {
    item.id = std::to_string(id);
    file_.items.push_back(std::move(item));
  }

  void json() {
    JsonRecords records(name_, reader_, kMaxRecord);
    for (JsonRecord record; records.next(reader_, record);)
      try_record([&] {
        if (record.too_large)
          throw Error(record.place + ": is longer than 256 MiB; wanted one question",
                      "write one question a line");
        repair_lone_surrogates(record.text);
        JsonObject object(parse_json(without_non_finite(record.text), record.place), record.place);
        const auto list = std::ranges::find_if(
            kLists, [&](std::string_view key) { return object.value().contains(key); });
        if (list != kLists.end())
          add_task(object, std::string(*list));
        else
          add_record(object, record.number);
      });
  }

  bool begins_with_six_lines() {
    const std::string head(reader_.peek_bytes(kFileKindBytes));
    Reader lines(stream_of(head, name_));
    int64_t number = 0;
    if (!next_line(lines, number)) return false;
    const auto second = next_line(lines, number);
    return second && is_place(second->text, '9');
  }

  // A table whose fields may hold commas and lines: MMLU's six columns, or names of columns and a
  // row of as many fields.
  bool begins_as_table() {
    const std::string head(reader_.peek_bytes(kFileKindBytes));
    Reader bytes(stream_of(head, name_));
    CsvRecords rows(kMaxRecord);
    CsvRecord names, row;
    if (!rows.next(bytes, names)) return false;
    if (is_mmlu(names.fields)) return true;
    const bool blank = std::ranges::any_of(
        names.fields, [](const std::string& f) { return f.empty() || f.starts_with(' '); });
    return names.fields.size() > 2 && !blank && rows.next(bytes, row) &&
           row.fields.size() == names.fields.size();
  }

  static bool is_mmlu(const std::vector<std::string>& fields) {
    return fields.size() == kMmlu.size() && fields[5].size() == 1 && fields[5][0] >= 'A' &&
           fields[5][0] <= 'D';
  }

  // Each row is a record with the columns' names as keys.
  void table() {
    CsvRecords rows(kMaxRecord);
    std::vector<std::string> columns;
    for (CsvRecord row; rows.next(reader_, row);) {
      if (columns.empty() && is_mmlu(row.fields)) {
        columns.assign(kMmlu.begin(), kMmlu.end());
      } else if (columns.empty()) {
        columns = row.fields;
        continue;
      }
      try_record([&] { add_row(columns, row); });
    }
  }

  void add_row(const std::vector<std::string>& columns, const CsvRecord& row) {
    const std::string place = name_ + ":" + std::to_string(row.line);
    if (row.too_large)
      throw Error(place + ": is longer than 256 MiB; wanted one question",
                  "look for a quote that is not closed");
    if (row.open_quote)
      throw Error(place + ": the file ends inside a quoted field; wanted its closing quote",
                  "take the file again from where it came from");
    if (row.fields.size() != columns.size())
      throw Error(place + ": has " + std::to_string(row.fields.size()) + " columns; wanted " +
                      std::to_string(columns.size()) + ", as the first row has",
                  "quote the fields that hold commas");
    nlohmann::json record = nlohmann::json::object();
    for (size_t i = 0; i < columns.size(); ++i) {
      if (first_invalid_utf8(row.fields[i]) != std::string_view::npos)
        throw Error(place + ": has bytes that are not UTF-8; wanted UTF-8 text",
                    "convert it: iconv -f WINDOWS-1252 -t UTF-8 " + name_ + " > out.csv");
      record[columns[i]] = row.fields[i];
    }
    const JsonObject object(std::move(record), place);
    if (!file_.format && !options_.as) check_columns(object);
    add_record(object, row.line);
  }

  // A table is no question where its columns are none of a format's.
  void check_columns(const JsonObject& first) {
    std::string names;
    for (const auto& column : first.value().items())
      names += (names.empty() ? "" : ", ") + column.key();
    if (has_format(first)) {
      const FileFormat& format = format_of(first);
      try {
        return check_keys(first, format, options_.leave_out, left_out_);
      } catch (const Error&) {
      }
    }
    throw Error(name_ + ": is a table of columns that no format has (" + names +
                    "); wanted those of docs/benchmarks.md",
                "MMLU's are question, A, B, C, D, answer; columns that are no part of a question "
                "are left out with --leave-out NAME");
  }

  void add_record(const JsonObject& object, int64_t id) {
    const FileFormat& format = options_.as ? *options_.as : format_of(object);
    if (!file_.format) file_.format = &format;
    if (&format != file_.format)
      throw Error(object.place() + ": is of format " + std::string(format.name) + "; wanted " +
                  std::string(file_.format->name) + " as above");
    check_keys(object, format, options_.leave_out, left_out_);
    Instance item = format.parse(object);
    if (item.correct >= 0) return add(std::move(item), id);
    // A fault of the public files themselves, so no error.
    file_.skipped.push_back(object.place() + ": its target is none of its options");
  }

  // An object that holds all examples of a task.
  void add_task(const JsonObject& task, const std::string& list) {
    const auto& examples = task.list(list);
    const auto example = [&](size_t i) {
      return JsonObject(examples[i], name_ + ", example " + std::to_string(examples_ + i + 1));
    };
    if (examples.empty()) return;
    nlohmann::json beside = task.value();
    beside.erase(list);
    for (const char* about : {"name", "description", "metrics", "preferred_score", "Domain",
                              "Split", "Version", "VerifiedEval"})
      if (beside.erase(about)) left_out_.insert(about);
    check_keys({beside, task.place()}, format_of(example(0)), options_.leave_out, left_out_);
    for (size_t i = 0; i < examples.size(); ++i)
      try_record([&] { add_record(example(i), static_cast<int64_t>(examples_ + i + 1)); });
    examples_ += examples.size();
  }

  void six_lines(FileKind kind) {
    file_.format = &six_lines_format();
    int64_t number = 0;
    std::vector<Line> lines;
    while (auto line = next_line(reader_, number)) {
      lines.push_back(std::move(*line));
      if (lines.size() == 2 && file_.items.empty() && file_.skipped.empty() &&
          !is_place(lines[1].text, '9'))
        refuse(kind);
      if (lines.size() < 6) continue;
      try_record([&] { add_six_lines(lines); });
      lines.clear();
    }
    if (lines.empty()) return;
    if (number == lines[0].number && file_.items.empty()) refuse(kind);
    try_record([&] {
      throw Error(name_ + ":" + std::to_string(lines[0].number) +
                      ": the file ends inside a question; wanted six "
                      "lines: a context, the right place, four endings",
                  "see docs/benchmarks.md for the formats that are read");
    });
  }

  void add_six_lines(const std::vector<Line>& lines) {
    Instance item;
    item.question.text = lines[0].text;
    // Items with one label that follow each other are of one video or page.
    const std::string label = lines[0].text.substr(0, lines[0].text.find(": "));
    if (label != last_label_) ++videos_, last_label_ = label;
    item.cluster = label + " #" + std::to_string(videos_);
    if (!is_place(lines[1].text, '3'))
      throw Error(name_ + ":" + std::to_string(lines[1].number) + ": is \"" +
                      lines[1].text.substr(0, 40) + "\"; wanted the right ending's place, 0 to 3",
                  "see docs/benchmarks.md for the formats that are read");
    item.correct = lines[1].text[0] - '0';
    for (size_t i = 2; i < lines.size(); ++i) item.answers.push_back(text_part(lines[i].text));
    add(std::move(item), lines[0].number);
  }

  std::string name_;
  const ItemFileOptions& options_;
  Reader reader_;
  std::set<std::string> left_out_;
  size_t examples_ = 0;
  int64_t videos_ = 0;
  std::string last_label_;
  ItemFile file_;
};

}  // namespace

ItemFile read_items(const std::filesystem::path& path, const ItemFileOptions& options) {
  return ItemReader(path.string(), open_stream(path), options).read();
}

ItemFile read_items_of(std::string_view bytes, const std::string& name,
                       const ItemFileOptions& options) {
  return ItemReader(name, stream_of(bytes, name), options).read();
}

}  // namespace lineage
