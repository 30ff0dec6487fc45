#include "lineage/eval/scenarios/item_file.h"

#include <algorithm>
#include <set>

#include "lineage/base/error.h"
#include "lineage/data/stream.h"
#include "lineage/eval/scenarios/item_line.h"
#include "lineage/text/json_text.h"

namespace lineage {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;

struct Line {
  std::string text;
  int64_t number;  // from 1
};

std::vector<Line> lines_of(const std::filesystem::path& path) {
  Reader reader(open_stream(path));
  std::vector<Line> lines;
  for (Line line{{}, 1}; line.text.clear(), reader.line(line.text, kMaxBytes); ++line.number) {
    while (line.text.ends_with('\n') || line.text.ends_with('\r')) line.text.pop_back();
    if (line.text.find_first_not_of(" \t") != line.text.npos) lines.push_back(line);
  }
  return lines;
}

class ItemReader {
 public:
  ItemReader(const std::filesystem::path& path, Malformed malformed)
      : name_(path.string()), malformed_(malformed) {}

  ItemFile read(const std::vector<Line>& lines) {
    if (lines.empty()) throw Error(name_ + ": is empty; wanted questions, one a line");
    if (lines[0].text.starts_with("BZh"))
      throw Error(name_ + ": is packed by bzip2; wanted plain text, gzip or zstd",
                  "unpack it: bunzip2 -k " + name_);
    if (lines[0].text.front() != '{')
      six_lines(lines);
    else if (!whole_object(lines))
      for (const Line& line : lines) try_item(line.number, [&] { return json_line(line); });
    share_closed_answers();
    if (file_.items.empty())
      throw Error(file_.skipped.empty() ? name_ + ": has no question; wanted one at least"
                                        : file_.skipped[0]);
    return std::move(file_);
  }

 private:
  std::string place(int64_t line) const { return name_ + ":" + std::to_string(line); }

  template <class Parse>
  void try_item(int64_t number, const Parse& parse) {
    try {
      Instance item = parse();
      item.id = std::to_string(number);
      file_.items.push_back(std::move(item));
    } catch (const Error& e) {
      if (malformed_ == Malformed::error) throw;
      file_.skipped.push_back(e.what());
    }
  }

  Instance json_line(const Line& line) {
    const auto object = parse_json(line.text, place(line.number));
    const ItemFormat format = format_of(object, place(line.number));
    if (!known_) file_.format = format, known_ = true;
    if (format != file_.format)
      throw Error(place(line.number) + ": is of format " + std::string(item_format_name(format)) +
                  "; wanted " + std::string(item_format_name(file_.format)) + " as above");
    return parse_item(object, format, place(line.number));
  }

  // A file that is one object with all examples, on one line or many.
  bool whole_object(const std::vector<Line>& lines) {
    if (lines.size() > 1 && lines[0].text.back() == '}') return false;
    std::string text;
    for (const Line& line : lines) text += line.text + "\n";
    nlohmann::json object;
    try {
      object = parse_json(text, name_);
    } catch (const Error&) {
      if (lines[0].text.find("\"examples\"") == std::string::npos) return false;  // a bad line
      throw;
    }
    if (!object.contains("examples")) return false;
    const auto& examples = object["examples"];
    if (!examples.is_array()) throw Error(name_ + ": examples is no array; wanted one");
    file_.format = ItemFormat::tasks;
    for (size_t i = 0; i < examples.size(); ++i)
      try_item(static_cast<int64_t>(i + 1), [&] {
        const std::string where = name_ + ", example " + std::to_string(i + 1);
        if (!examples[i].is_object()) throw Error(where + ": is no object; wanted one");
        return parse_item(examples[i], ItemFormat::tasks, where);
      });
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

  std::string name_;
  Malformed malformed_;
  bool known_ = false;
  std::string last_label_;
  int64_t videos_ = 0;
  ItemFile file_;
};

}  // namespace

std::string_view item_format_name(ItemFormat f) {
  constexpr std::string_view kNames[] = {"choices",      "schema",    "hellaswag",
                                         "continuation", "last_word", "answers",
                                         "worked",       "tasks",     "lines"};
  return kNames[static_cast<size_t>(f)];
}

ItemFile read_items(const std::filesystem::path& path, Malformed malformed) {
  return ItemReader(path, malformed).read(lines_of(path));
}

}  // namespace lineage
