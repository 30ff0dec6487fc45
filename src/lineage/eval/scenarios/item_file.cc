#include "lineage/eval/scenarios/item_file.h"

#include <algorithm>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/data/json_records.h"
#include "lineage/data/stream.h"
#include "lineage/eval/scenarios/item_line.h"
#include "lineage/text/json_text.h"

namespace lineage {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;
constexpr std::string_view kBlanks = " \t\r\n";

struct Line {
  std::string text;
  int64_t number;  // from 1
};

// The whole file, unpacked and without a byte-order mark.
std::string text_of(const std::filesystem::path& path) {
  Reader reader(open_stream(path));
  std::string text;
  reader.take(text, kMaxBytes);
  if (reader.peek() >= 0)
    throw Error(path.string() + ": is larger than 1 GiB; wanted a smaller file of questions",
                "split it: split -l 100000 FILE");
  return text.substr(byte_order_mark(text));
}

// Those that are not blank, without white space at their ends.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (int64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t first = line.find_first_not_of(kBlanks);
    if (first == line.npos) continue;
    const size_t last = line.find_last_not_of(kBlanks);
    lines.push_back({std::string(line.substr(first, last - first + 1)), number});
  }
  return lines;
}

class ItemReader {
 public:
  ItemReader(const std::filesystem::path& path, const ItemFileOptions& options)
      : path_(path), name_(path.string()), options_(options) {}

  ItemFile read() {
    const std::string text = text_of(path_);
    const FileKind kind = file_kind(text);
    const std::vector<Line> lines = lines_of(text);
    if (lines.empty()) throw Error(name_ + ": is empty; wanted questions, one a line");
    switch (kind) {
      case FileKind::json_array:
        array(text);
        break;
      case FileKind::json_object:
      case FileKind::json_pretty:
        if (!whole_object(text, lines)) json_lines(kind, lines);
        break;
      case FileKind::text:
      case FileKind::csv:  // six lines of prose may have as many commas each
        plain_text(kind, lines);
        break;
      default:
        refuse(kind);
    }
    share_closed_answers();
    if (file_.items.empty())
      throw Error(file_.skipped.empty() ? name_ + ": has no question; wanted one at least"
                                        : file_.skipped[0]);
    file_.left_out.assign(left_out_.begin(), left_out_.end());
    return std::move(file_);
  }

 private:
  std::string place(int64_t line) const { return name_ + ":" + std::to_string(line); }

  [[noreturn]] void refuse(FileKind kind) const {
    const std::string help = file_kind_help(kind, name_);
    throw Error(name_ + ": is " + std::string(file_kind_name(kind)) +
                    "; wanted questions as JSON, one object a line",
                help.empty() ? "docs/formats.md lists the formats that are read" : help);
  }

  template <class Parse>
  void try_item(int64_t number, const Parse& parse) {
    try {
      Instance item = parse();
      item.id = std::to_string(number);
      file_.items.push_back(std::move(item));
    } catch (const Error& e) {
      if (options_.malformed == Malformed::error) throw;
      file_.skipped.push_back(e.what());
    }
  }

  Instance item_of(const nlohmann::json& object, const std::string& where) {
    const ItemFormat format = format_of(object, where);
    if (!known_) file_.format = format, known_ = true;
    if (format != file_.format)
      throw Error(where + ": is of format " + std::string(item_format_name(format)) + "; wanted " +
                  std::string(item_format_name(file_.format)) + " as above");
    check_keys(object, format, options_.leave_out, where, left_out_);
    return parse_item(object, format, where);
  }

  void json_lines(FileKind kind, const std::vector<Line>& lines) {
    if (kind == FileKind::json_pretty && lines[0].text == "{") refuse(kind);
    for (const Line& line : lines)
      try_item(line.number,
               [&] { return item_of(parse(line.text, place(line.number)), place(line.number)); });
  }

  void array(const std::string& text) {
    const auto records = parse(text, name_);
    int64_t number = 0;
    for (const auto& record : records)
      try_item(++number,
               [&] { return item_of(record, name_ + ", entry " + std::to_string(number)); });
  }

  static nlohmann::json parse(std::string text, const std::string& place) {
    repair_lone_surrogates(text);
    return parse_json(without_non_finite(text), place);
  }

  void plain_text(FileKind kind, const std::vector<Line>& lines) {
    const auto is_place = [](const std::string& s) {
      return s.size() == 1 && '0' <= s[0] && s[0] <= '9';
    };
    if (lines[0].text[0] == '{' || lines[0].text[0] == '[')
      json_lines(FileKind::json_object, lines);  // and the first that is none is named
    else if (lines.size() > 1 && is_place(lines[1].text))
      six_lines(lines);
    else
      refuse(kind);
  }

  // A file that is one object with all examples, on one line or many.
  bool whole_object(const std::string& text, const std::vector<Line>& lines) {
    if (lines.size() > 1 && lines[0].text.back() == '}') return false;
    nlohmann::json object;
    try {
      object = parse(text, name_);
    } catch (const Error&) {
      if (lines[0].text.find("\"examples\"") == std::string::npos) return false;  // a bad line
      throw;
    }
    if (!object.contains("examples")) return false;
    const auto& examples = object["examples"];
    if (!examples.is_array()) throw Error(name_ + ": examples is no array; wanted one");
    file_.format = ItemFormat::tasks, known_ = true;
    nlohmann::json beside = object;
    beside.erase("examples");
    for (const char* about : {"name", "description", "metrics", "preferred_score"})
      if (beside.erase(about)) left_out_.insert(about);
    check_keys(beside, ItemFormat::tasks, options_.leave_out, name_, left_out_);
    for (size_t i = 0; i < examples.size(); ++i)
      try_item(static_cast<int64_t>(i + 1),
               [&] { return item_of(examples[i], name_ + ", example " + std::to_string(i + 1)); });
    drop_unanswerable();
    return true;
  }

  // Faults of the public files themselves, so no error.
  void drop_unanswerable() {
    for (const Instance& item : file_.items)
      if (item.correct < 0)
        file_.skipped.push_back(name_ + ", example " + item.id +
                                ": its target is none of its options");
    std::erase_if(file_.items, [](const Instance& item) { return item.correct < 0; });
  }

  void six_lines(const std::vector<Line>& lines) {
    constexpr size_t kLines = 6;
    file_.format = ItemFormat::lines;
    for (size_t at = 0; at < lines.size(); at += kLines)
      try_item(lines[at].number, [&] {
        Instance item;
        if (at + kLines > lines.size())
          throw Error(place(lines[at].number) +
                          ": the file ends inside a question; wanted six "
                          "lines: a context, the right place, four endings",
                      "see docs/formats.md for the formats that are read");
        const std::string& label = lines[at + 1].text;
        if (label.size() != 1 || label[0] < '0' || label[0] > '3')
          throw Error(place(lines[at + 1].number) + ": is \"" + label.substr(0, 40) +
                          "\"; wanted the right ending's place, 0 to 3",
                      "see docs/formats.md for the formats that are read");
        item.question.text = lines[at].text;
        item.cluster = video_of(lines[at].text);
        for (size_t i = 2; i < kLines; ++i) item.answers.push_back(text_part(lines[at + i].text));
        item.correct = label[0] - '0';
        return item;
      });
  }

  // Items with one label that follow each other are of one video or page.
  std::string video_of(const std::string& context) {
    const std::string label = context.substr(0, context.find(": "));
    if (label != last_label_) ++videos_, last_label_ = label;
    return label + " #" + std::to_string(videos_);
  }

  // Tasks with few different targets (True, False) ask for a choice among them.
  void share_closed_answers() {
    constexpr size_t kFew = 8;
    if (file_.format != ItemFormat::tasks) return;
    std::set<std::string> targets;
    for (const Instance& item : file_.items)
      for (const Part& answer : item.answers) targets.insert(answer.text);
    const bool closed =
        targets.size() >= 2 && targets.size() <= kFew && file_.items.size() >= 4 * targets.size();
    if (!closed || file_.items[0].answers.size() > 1) return;
    for (Instance& item : file_.items) {
      if (item.answers.size() > 1) continue;
      const std::string target = item.answers[0].text;
      item.answers.clear();
      for (const std::string& t : targets) item.answers.push_back(text_part(t));
      item.correct = static_cast<int>(std::distance(targets.begin(), targets.find(target)));
    }
  }

  std::filesystem::path path_;
  std::string name_;
  const ItemFileOptions& options_;
  bool known_ = false;
  std::set<std::string> left_out_;
  std::string last_label_;
  int64_t videos_ = 0;
  ItemFile file_;
};

}  // namespace

std::string_view item_format_name(ItemFormat f) {
  constexpr std::string_view kNames[] = {
      "choices",   "schema",  "hellaswag", "piqa",  "winogrande", "copa",
      "race",      "arc",     "mmlu",      "boolq", "passage",    "continuation",
      "last_word", "answers", "worked",    "tasks", "lines"};
  return kNames[static_cast<size_t>(f)];
}

ItemFile read_items(const std::filesystem::path& path, const ItemFileOptions& options) {
  return ItemReader(path, options).read();
}

}  // namespace lineage
