#include "lineage/eval/scenarios/item_file.h"

#include <algorithm>
#include <optional>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/base/json.h"
#include "lineage/data/json_records.h"

namespace lineage {
namespace {

constexpr size_t kMaxRecord = size_t{1} << 28;  // bytes; of a whole task, its examples together
constexpr std::string_view kBlanks = " \t\r\n";

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
  ItemReader(const std::filesystem::path& path, const ItemFileOptions& options)
      : name_(path.string()), options_(options), reader_(open_stream(path)) {}

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
                help.empty() ? "docs/formats.md lists the formats that are read" : help);
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
        if (object.value().contains("examples"))
          add_task(object);
        else
          add_record(object, record.number);
      });
  }

  void add_record(const JsonObject& object, int64_t id) {
    const FileFormat& format = format_of(object);
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
  void add_task(const JsonObject& task) {
    const auto& examples = task.list("examples");
    const auto example = [&](size_t i) {
      return JsonObject(examples[i], name_ + ", example " + std::to_string(examples_ + i + 1));
    };
    if (examples.empty()) return;
    nlohmann::json beside = task.value();
    beside.erase("examples");
    for (const char* about : {"name", "description", "metrics", "preferred_score"})
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
                  "see docs/formats.md for the formats that are read");
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
                  "see docs/formats.md for the formats that are read");
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
  return ItemReader(path, options).read();
}

}  // namespace lineage
