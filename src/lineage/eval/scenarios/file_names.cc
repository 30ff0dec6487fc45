#include "lineage/eval/scenarios/file_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "lineage/base/error.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// Names that do not identify a benchmark.
constexpr std::array<std::string_view, 16> kParts = {
    "test", "tests", "train",     "dev",  "val",  "valid", "validation", "eval",
    "data", "items", "questions", "task", "main", "all",   "default",    "examples"};

// Without all endings, "arc" of arc.easy.jsonl.gz; or without those of the layout alone.
std::string bare_name(const fs::path& file) {
  fs::path name = file.filename();
  while (name.has_extension()) name = name.stem();
  return name.string();
}

std::string full_name(const fs::path& file) {
  constexpr std::array<std::string_view, 6> kLayouts = {".gz",    ".zst", ".json",
                                                        ".jsonl", ".csv", ".txt"};
  fs::path name = file.filename();
  while (std::ranges::find(kLayouts, name.extension().string()) != kLayouts.end())
    name = name.stem();
  return name.string();
}

// The last `folders` folders of a path, and `name`.
std::string with_folders(const fs::path& file, int folders, std::string name) {
  fs::path above = fs::absolute(file).lexically_normal().parent_path();
  for (; folders > 0 && above.has_filename(); --folders, above = above.parent_path())
    name = above.filename().string() + "/" + name;
  return name;
}

}  // namespace

std::vector<std::string> file_scenario_names(const std::vector<fs::path>& files) {
  constexpr int kMostFolders = 64;
  std::vector<std::string> names(files.size());
  std::vector<size_t> open(files.size());
  for (size_t i = 0; i < files.size(); ++i) open[i] = i;
  // First the file's name alone, then with its inner endings, then with more and more folders; at
  // last as it is.
  for (int step = 0; !open.empty() && step <= kMostFolders + 2; ++step) {
    for (const size_t i : open) {
      const std::string bare = bare_name(files[i]);
      const bool part = std::ranges::find(kParts, bare) != kParts.end();
      if (step == 0)
        names[i] = with_folders(files[i], part ? 1 : 0, bare);
      else if (step == 1)
        names[i] = with_folders(files[i], part ? 1 : 0, full_name(files[i]));
      else if (step <= kMostFolders + 1)
        names[i] = with_folders(files[i], step - 1, full_name(files[i]));
      else
        names[i] = files[i].string();
    }
    std::map<std::string, int> count;
    for (const std::string& name : names) ++count[name];
    std::erase_if(open, [&](size_t i) { return count[names[i]] == 1; });
  }
  for (size_t i = 0; i < files.size(); ++i) check_scenario_name(full_name(files[i]));
  return names;
}

void check_scenario_name(const std::string& name) {
  const std::string last = name.substr(std::min(name.rfind('.'), name.size()));
  const bool shots =
      last.size() > 2 && last[1] == 'k' && last.find_first_not_of("0123456789", 2) == last.npos;
  const bool metric = last == ".acc" || last == ".acc_norm" || last == ".mc1" || last == ".mc2";
  if (shots || metric || last == ".cot" || last == ".vote")
    throw Error("question set " + name + ": its name ends with " + last + ", which stands for " +
                    (shots    ? "so many demonstrations"
                     : metric ? "a measure of the same questions"
                              : "a chain of thought") +
                    "; wanted another name",
                "name it with --name; --shots and --chain ask for the rest");
}

std::string file_title(const fs::path& file) {
  return with_folders(file, 1, file.filename().string());
}

}  // namespace lineage
