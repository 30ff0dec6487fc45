#include "lineage/eval/scenarios/question_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lineage/base/error.h"
#include "lineage/eval/predict.h"
#include "lineage/eval/scenarios/file_scenario.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// "high_school_physics" of high_school_physics_test.csv.
std::string subject_of(const fs::path& file) {
  fs::path name = file.filename();
  while (name.has_extension()) name = name.stem();
  std::string subject = name.string();
  for (const std::string_view split : {"_test", "_dev", "_val"})
    if (subject.ends_with(split)) return subject.substr(0, subject.size() - split.size());
  return subject;
}

ItemFile read_file_of_set(const fs::path& path, const ItemFileOptions& options) {
  ItemFile file = read_items(path, options);
  for (Instance& item : file.items) {
    if (file.format->files_are_subjects && item.subject.empty()) item.subject = subject_of(path);
    if (file.format->preamble) item.preamble = text_part(file.format->preamble(item.subject));
  }
  return file;
}

// Reports the records and keys left out of a file.
void tell(const ItemFile& file, const std::string& name, Progress& progress) {
  if (!file.skipped.empty())
    progress.note(fmt::format("{}: {} of {} records are left out, the first: {}", name,
                              file.skipped.size(), file.skipped.size() + file.items.size(),
                              file.skipped[0]));
  if (!file.left_out.empty())
    progress.note(fmt::format("{}: not asked, as no part of a question: {}", name,
                              fmt::join(file.left_out, ", ")));
}

void append(QuestionSet& set, const fs::path& path, ItemFile file) {
  if (set.files.size() == 1)
    for (Instance& item : set.content.items) item.id = item.subject + ":" + item.id;
  for (Instance& item : file.items) {
    item.id = item.subject + ":" + item.id;
    set.content.items.push_back(std::move(item));
  }
  set.files.push_back(path);
}

}  // namespace

fs::path QuestionSet::path() const {
  return files.size() == 1 ? files[0] : fs::absolute(files[0]).lexically_normal().parent_path();
}

std::vector<QuestionSet> question_sets(const std::vector<fs::path>& files,
                                       const ItemFileOptions& options, Progress& progress) {
  std::vector<QuestionSet> sets;
  std::map<fs::path, size_t> folders;  // of files that are subjects
  for (const fs::path& path : files) {
    ItemFile file = read_file_of_set(path, options);
    tell(file, path.string(), progress);
    if (file.format->files_are_subjects) {
      const auto [folder, fresh] = folders.emplace(path.parent_path(), sets.size());
      if (!fresh && sets[folder->second].content.format == file.format) {
        append(sets[folder->second], path, std::move(file));
        continue;
      }
    }
    sets.push_back({{path}, std::move(file)});
  }
  return sets;
}

std::vector<Instance> add_demonstrations(QuestionSet& set, const fs::path& examples, int shots,
                                         PromptSpec::Method method,
                                         const ItemFileOptions& options) {
  std::vector<Instance> all;
  std::map<std::string, std::vector<FewShotExample>> of_subject;
  for (const fs::path& path : question_files(examples)) {
    std::error_code absent;
    for (const fs::path& own : set.files)
      if (fs::equivalent(own, path, absent))
        throw Error(path.string() +
                        ": has the questions themselves; wanted other ones for "
                        "demonstrations",
                    "name the benchmark's training or dev split with --examples");
    ItemFile file = read_file_of_set(path, options);
    if (file.format->name != set.content.format->name && !options.as)
      throw Error(path.string() + ": is of format " + std::string(file.format->name) + "; wanted " +
                  std::string(set.content.format->name) + ", as of " + set.path().string());
    for (Instance& item : file.items) {
      if (method != PromptSpec::Method::choose && !file.format->alternatives)
        item.answers = {item.answers[item.correct]}, item.correct = 0;
      auto& examples_of = of_subject[item.subject];
      if (std::ssize(examples_of) < shots) examples_of.push_back(demonstration(item, method));
      all.push_back(std::move(item));
    }
  }
  for (Instance& item : set.content.items) {
    item.examples = of_subject[item.subject];
    if (std::ssize(item.examples) < shots)
      throw Error(fmt::format("{}: has {} questions{}; wanted {} for --shots {}", examples.string(),
                              item.examples.size(),
                              item.subject.empty() ? "" : " of " + item.subject, shots, shots),
                  fmt::format("--shots {}, or a file with more", item.examples.size()));
  }
  return all;
}

}  // namespace lineage
