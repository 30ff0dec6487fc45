#include "lineage/eval/scenarios/file_scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "lineage/base/error.h"
#include "lineage/base/rng.h"
#include "lineage/eval/item_metrics.h"
#include "lineage/eval/scenarios/file_names.h"
#include "lineage/eval/scenarios/file_prompting.h"
#include "lineage/eval/scenarios/question_set.h"

namespace lineage {
namespace {

class FileScenario final : public Scenario {
 public:
  // The first items, in their random order, are examples and dev.
  FileScenario(ScenarioSpec spec, std::vector<Instance> items)
      : Scenario(std::move(spec)), items_(shuffled(std::move(items))) {
    examples_ = std::min<size_t>(64, items_.size() / 10);
    dev_ = examples_ + std::min<size_t>(200, items_.size() / 5);
    spec_.n = std::min(spec_.n, std::ssize(items_) - static_cast<int64_t>(dev_));
  }
  // Examples and dev are of another file, the first of them having become demonstrations.
  FileScenario(ScenarioSpec spec, std::vector<Instance> items, std::vector<Instance> others)
      : Scenario(std::move(spec)), items_(std::move(others)) {
    examples_ = std::min(items_.size(), static_cast<size_t>(spec_.prompt.shots));
    items_.resize(std::min<size_t>(items_.size(), examples_ + 200));
    dev_ = items_.size();
    for (Instance& item : shuffled(std::move(items))) items_.push_back(std::move(item));
    spec_.n = std::min(spec_.n, std::ssize(items_) - static_cast<int64_t>(dev_));
  }
  // A task of the benchmark in this folder; empty: of none.
  void set_folder(std::string folder) { folder_ = std::move(folder); }
  const std::string& folder() const { return folder_; }

  std::vector<Instance> items(ItemSet set, int64_t n) const override {
    const auto part = std::span(items_);
    std::span<const Instance> chosen = part.subspan(dev_);
    if (set == ItemSet::examples) chosen = part.first(examples_);
    if (set == ItemSet::dev) chosen = part.subspan(examples_, dev_ - examples_);
    chosen = chosen.first(std::min(chosen.size(), static_cast<size_t>(std::max<int64_t>(0, n))));
    return {chosen.begin(), chosen.end()};
  }

 private:
  static std::vector<Instance> shuffled(std::vector<Instance> items) {
    const Rng rng = Rng(0).fold("file scenario");
    for (size_t i = 0; i + 1 < items.size(); ++i)
      std::swap(items[i], items[i + rng.below(items.size() - i, i)]);
    return items;
  }

  std::vector<Instance> items_;
  size_t examples_, dev_;  // ends of the parts
  std::string folder_;
};

std::string demonstrations_wanted(int shots, const std::string& path, size_t questions,
                                  int64_t there) {
  return fmt::format(
      "{}: has {} questions, of which {} may be demonstrations; wanted {} for "
      "--shots {}",
      path, questions, there, shots, shots);
}

std::shared_ptr<FileScenario> file_scenario(QuestionSet set, const std::string& name,
                                            const FileScenarioOptions& options) {
  ScenarioSpec spec;
  spec.name = name;
  spec.ability = name;
  spec.title = file_title(set.path());
  spec.n = 1068;  // a half-width of .03 at worst
  set_prompting(spec, set, options);
  const PromptSpec::Method method = spec.prompt.method;
  std::vector<Instance>& items = set.content.items;
  // Choices that are not offered are no accepted answers.
  if (method != PromptSpec::Method::choose && !set.content.format->alternatives)
    for (Instance& item : items) item.answers = {item.answers[item.correct]}, item.correct = 0;
  if (!options.examples.empty()) {
    auto examples = add_demonstrations(set, options.examples, options.shots, method, options.items);
    return std::make_shared<FileScenario>(std::move(spec), std::move(items), std::move(examples));
  }
  const auto questions = items.size();
  auto scenario = std::make_shared<FileScenario>(std::move(spec), std::move(items));
  const auto there = std::ssize(scenario->items(ItemSet::examples, options.shots));
  if (there < options.shots)
    throw Error(
        demonstrations_wanted(options.shots, set.path().string(), questions, there),
        fmt::format("--shots {}, or a file with at least {} questions", there, 10 * options.shots));
  return scenario;
}

// The scenarios of a set: two where its format is asked in two ways.
std::vector<std::shared_ptr<const Scenario>> scenarios_of(QuestionSet set, const std::string& name,
                                                          const FileScenarioOptions& options) {
  std::vector<std::shared_ptr<const Scenario>> all;
  const FileFormat* also = set.content.format->also;
  const auto files = set.files;
  const bool task = set.content.format->files_are_tasks;
  const auto folder = std::filesystem::absolute(set.path()).lexically_normal().parent_path();
  const auto first = file_scenario(std::move(set), name, options);
  if (task) first->set_folder(options.group.empty() ? folder.filename().string() : options.group);
  all.push_back(first);
  if (!also) return all;
  FileScenarioOptions second = options;
  second.items.as = also;
  for (QuestionSet& again : question_sets(files, second.items, silent()))
    all.push_back(file_scenario(std::move(again), name, second));
  return all;
}

}  // namespace

std::vector<QuestionGroup> question_groups(
    const std::vector<std::shared_ptr<const Scenario>>& scenarios) {
  std::map<std::string, QuestionGroup> groups;
  for (const auto& scenario : scenarios) {
    const auto* file = dynamic_cast<const FileScenario*>(scenario.get());
    if (!file || file->folder().empty()) continue;
    const ScenarioSpec& spec = file->spec();
    const std::string suffix = spec.name.substr(spec.ability.size());
    QuestionGroup& group = groups[file->folder() + suffix];
    group.name = file->folder() + suffix, group.ability = file->folder();
    group.scenarios.push_back(spec.name);
  }
  std::vector<QuestionGroup> all;
  for (auto& [name, group] : groups)
    if (group.scenarios.size() > 1) all.push_back(std::move(group));
  return all;
}

MetricInfo mean_of_tasks() { return {.name = "mean of tasks"}; }

Explanation file_explanation(const std::string& metric, bool chooses) {
  if (metric == mean_of_tasks().name)
    return {.measures = "The mean of a benchmark's tasks, each of which weighs the same.",
            .chance = "The mean of the tasks' own.",
            .low = "At chance or below, the model does no better than guessing."};
  if (metric == metrics::share_of_right_choices().info.name)
    return {.measures =
                "Each question comes with several right choices and several wrong ones; the score "
                "is the share of the right ones in the probability of all.",
            .chance = "The share of right choices: all are equally likely.",
            .low = "At chance or below, the model finds wrong choices as likely as right ones."};
  if (metric == metrics::graded().info.name)
    return {.measures =
                "The model writes a program for each problem, which is executed with its tests in "
                "a sandbox and must pass them all.",
            .chance = "None: a program at random passes no test.",
            .low = "At 0 no program passes its tests."};
  if (chooses)
    return {.measures =
                "Each question of a file comes with choices, and the model picks the one "
                "that it finds likeliest.",
            .chance =
                "One of the choices at random, or the one at the place that is right most "
                "often, whichever scores more.",
            .low = "At chance or below, the model does no better than guessing."};
  return {.measures =
              "The model writes an answer to each question of a file, which must equal one "
              "that the file accepts.",
          .chance = "What the most frequent right answer scores when it is given to every item.",
          .low = "At chance or below, giving one answer to every question would do as well."};
}

std::vector<std::filesystem::path> question_files(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    std::filesystem::path name = entry.path().filename();
    if (name.extension() == ".gz" || name.extension() == ".zst") name = name.stem();
    const std::string ending = name.extension();
    const bool items = ending == ".json" || ending == ".jsonl" || ending == ".csv";
    if (entry.is_regular_file() && items && !name.string().starts_with('.'))
      files.push_back(entry.path());
  }
  std::ranges::sort(files);
  if (files.empty())
    throw Error(path.string() + ": has no *.json, *.jsonl or *.csv; wanted files of questions",
                "name a file itself, or another folder");
  return files;
}

std::vector<std::shared_ptr<const Scenario>> file_scenarios(
    const std::vector<std::filesystem::path>& paths, const FileScenarioOptions& options,
    Progress& progress) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : paths)
    for (const auto& file : question_files(path))
      if (std::ranges::find(files, file) == files.end()) files.push_back(file);
  std::vector<QuestionSet> sets = question_sets(files, options.items, progress);
  if (!options.name.empty() && sets.size() != 1)
    throw Error(fmt::format("--name {}: there are {} files; wanted one to be called so",
                            options.name, sets.size()),
                "ask one file at a time");
  std::vector<std::filesystem::path> named;
  for (const QuestionSet& set : sets) named.push_back(set.path());
  auto names =
      options.name.empty() ? file_scenario_names(named) : std::vector<std::string>{options.name};
  if (!options.group.empty())
    for (std::string& name : names)
      name = sets.size() == 1 ? options.group : options.group + "/" + name;
  for (const std::string& name : names) check_scenario_name(name);
  std::vector<std::shared_ptr<const Scenario>> scenarios;
  for (size_t i = 0; i < sets.size(); ++i)
    for (auto& scenario : scenarios_of(std::move(sets[i]), names[i], options))
      scenarios.push_back(std::move(scenario));
  return scenarios;
}

}  // namespace lineage
