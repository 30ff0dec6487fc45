#include "lineage/eval/scenarios/file_scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/rng.h"
#include "lineage/eval/item_metrics.h"
#include "lineage/eval/scenarios/file_names.h"

namespace lineage {
namespace {

class FileScenario final : public Scenario {
 public:
  FileScenario(ScenarioSpec spec, std::vector<Instance> items)
      : Scenario(std::move(spec)), items_(std::move(items)) {
    const Rng rng = Rng(0).fold("file scenario");
    for (size_t i = 0; i + 1 < items_.size(); ++i)
      std::swap(items_[i], items_[i + rng.below(items_.size() - i, i)]);
    examples_ = std::min<size_t>(64, items_.size() / 10);
    dev_ = examples_ + std::min<size_t>(200, items_.size() / 5);
    spec_.n = std::min(spec_.n, std::ssize(items_) - static_cast<int64_t>(dev_));
  }
  std::vector<Instance> items(ItemSet set, int64_t n) const override {
    const auto part = std::span(items_);
    std::span<const Instance> chosen = part.subspan(dev_);
    if (set == ItemSet::examples) chosen = part.first(examples_);
    if (set == ItemSet::dev) chosen = part.subspan(examples_, dev_ - examples_);
    chosen = chosen.first(std::min(chosen.size(), static_cast<size_t>(std::max<int64_t>(0, n))));
    return {chosen.begin(), chosen.end()};
  }

 private:
  std::vector<Instance> items_;
  size_t examples_, dev_;  // ends of the parts
};

bool all_choices(const std::vector<Instance>& items) {
  return std::ranges::all_of(
      items, [](const Instance& i) { return i.answers.size() > 1 || i.contexts.size() > 1; });
}

// Sets each format's prompt and comparison of answers as its authors or lm-evaluation-harness do
// (docs/formats.md has both).
void set_prompting(ScenarioSpec& spec, const ItemFile& file, const FileScenarioOptions& options) {
  PromptSpec& p = spec.prompt;
  p.before_answer = "";  // the readers end a question with its own words
  p.shots = options.shots;
  if (!file.format->alternatives && all_choices(file.items) && !options.chain) {
    p.method = PromptSpec::Method::choose;
    p.normalise = file.format->normalise;
    spec.metric = metrics::choice_accuracy();
    return;
  }
  p.method = PromptSpec::Method::generate;
  p.sampling = greedy(32);
  p.match = PromptSpec::Match::exact;
  if (file.format->ask) file.format->ask(p, file.items);
  spec.metric = metrics::answer_match(p.match);
}

void set_chain(ScenarioSpec& spec, const ItemFile& file, const FileScenarioOptions& options) {
  if (!options.chain) return;
  PromptSpec& p = spec.prompt;
  const bool worked =
      std::ranges::none_of(file.items, [](const Instance& i) { return i.chain.empty(); });
  require(worked || !options.chain_prompt.empty(), spec.name,
          ": has no worked solutions; wanted worked examples (GSM8K) or a chain prompt");
  p.reasoning = PromptSpec::Reasoning::chain;
  p.sampling = greedy(128);
  p.chain_lead = " Let's think step by step.\n";
  p.chain_end = " So the answer is";
  if (!options.chain_prompt.empty()) {
    std::string text = read_file(options.chain_prompt);
    // The canary above the dashes is for those who gather training data.
    if (const size_t dashes = text.find("-----\n"); dashes != text.npos) text.erase(0, dashes + 6);
    p.instructions.text = text + "\n\n";
  }
  p.samples = options.samples;
  if (p.samples > 1) p.vote = options.vote, p.sampling.temperature = 0.7;
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

std::shared_ptr<const Scenario> file_scenario(const std::filesystem::path& path,
                                              const std::string& name,
                                              const FileScenarioOptions& options,
                                              Progress& progress) {
  ItemFile file = read_items(path, options.items);
  tell(file, path.string(), progress);
  ScenarioSpec spec;
  spec.name = name;
  spec.ability = name;
  spec.title = file_title(path);
  spec.n = 1068;  // a half-width of .03 at worst
  set_prompting(spec, file, options);
  set_chain(spec, file, options);
  if (options.shots > 0) spec.name += ".k" + std::to_string(options.shots);
  if (options.chain) spec.name += options.samples > 1 ? ".vote" : ".cot";
  // Choices that are not offered are no accepted answers.
  if (spec.prompt.method != PromptSpec::Method::choose && !file.format->alternatives)
    for (Instance& item : file.items) item.answers = {item.answers[item.correct]}, item.correct = 0;
  const auto questions = file.items.size();
  auto scenario = std::make_shared<FileScenario>(std::move(spec), std::move(file.items));
  const auto there = std::ssize(scenario->items(ItemSet::examples, options.shots));
  if (there < options.shots)
    throw Error(
        fmt::format("{}: has {} questions, of which {} may be demonstrations; wanted {} "
                    "for --shots {}",
                    path.string(), questions, there, options.shots, options.shots),
        fmt::format("--shots {}, or a file with at least {} questions", there, 10 * options.shots));
  return scenario;
}

}  // namespace

Explanation file_explanation(bool chooses) {
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
    const bool items = name.extension() == ".json" || name.extension() == ".jsonl";
    if (entry.is_regular_file() && items && !name.string().starts_with('.'))
      files.push_back(entry.path());
  }
  std::ranges::sort(files);
  if (files.empty())
    throw Error(path.string() + ": has no *.json or *.jsonl; wanted files of questions",
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
  if (!options.name.empty() && files.size() != 1)
    throw Error(fmt::format("--name {}: there are {} files; wanted one to be called so",
                            options.name, files.size()),
                "ask one file at a time");
  auto names =
      options.name.empty() ? file_scenario_names(files) : std::vector<std::string>{options.name};
  if (!options.group.empty())
    for (std::string& name : names) name = options.group + "/" + name;
  for (const std::string& name : names) check_scenario_name(name);
  std::vector<std::shared_ptr<const Scenario>> scenarios;
  for (size_t i = 0; i < files.size(); ++i)
    scenarios.push_back(file_scenario(files[i], names[i], options, progress));
  return scenarios;
}

}  // namespace lineage
