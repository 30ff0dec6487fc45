#include "lineage/eval/scenarios/file_scenario.h"

#include <algorithm>
#include <span>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/rng.h"
#include "lineage/eval/metric.h"

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

std::string stem(std::filesystem::path path) {
  path = path.filename();
  while (path.has_extension()) path = path.stem();
  return path.string();
}

bool all_choices(const std::vector<Instance>& items, ItemFormat format) {
  const bool lists_accepted = format == ItemFormat::answers;
  return !lists_accepted && std::ranges::all_of(items, [](const Instance& i) {
    return i.answers.size() > 1 || i.contexts.size() > 1;
  });
}

// How each format is asked by its authors or by common practice.
void set_prompting(ScenarioSpec& spec, const ItemFile& file, const FileScenarioOptions& options) {
  Prompting& p = spec.prompting;
  p.before_answer = "";  // the readers end a question as it wants to be asked
  p.shots = options.shots;
  if (all_choices(file.items, file.format) && !options.chain) {
    p.method = Prompting::Method::choose;
    const bool endings = file.format == ItemFormat::hellaswag || file.format == ItemFormat::lines;
    if (endings) p.normalise = Prompting::Normalise::bytes;
    spec.metric = metrics::choice_accuracy();
    return;
  }
  const bool word = file.format == ItemFormat::continuation || file.format == ItemFormat::last_word;
  p.method = Prompting::Method::generate;
  p.sampling = greedy(word ? 8 : 32);
  if (word) p.form = Prompting::Form::first_word;
  spec.metric = word || file.format == ItemFormat::tasks ? metrics::exact_match()
                                                         : metrics::quasi_exact_match();
  if (file.format == ItemFormat::worked) {
    p.before_question = "Question: ", p.before_answer = "\nAnswer:";
  }
}

void set_chain(ScenarioSpec& spec, const ItemFile& file, const FileScenarioOptions& options) {
  if (!options.chain) return;
  Prompting& p = spec.prompting;
  require(file.format == ItemFormat::worked || !options.chain_prompt.empty(), spec.name,
          ": has no worked solutions; wanted worked examples (GSM8K) or a chain prompt");
  p.reasoning = Prompting::Reasoning::chain;
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

}  // namespace

std::shared_ptr<const Scenario> file_scenario(const std::filesystem::path& path,
                                              const FileScenarioOptions& options) {
  ItemFile file = read_items(path, options.malformed);
  ScenarioSpec spec;
  spec.name = stem(path);
  spec.ability = "file";
  spec.title = path.filename().string();
  spec.n = 1068;  // a half-width of .03 at worst
  spec.headline = false;
  set_prompting(spec, file, options);
  set_chain(spec, file, options);
  if (options.shots > 0) spec.name += ".k" + std::to_string(options.shots);
  if (options.chain) spec.name += options.samples > 1 ? ".vote" : ".cot";
  // Choices that are not offered are no accepted answers.
  const bool alternatives = file.format == ItemFormat::answers;
  if (spec.prompting.method != Prompting::Method::choose && !alternatives)
    for (Instance& item : file.items)
      item.answers = {item.answers[static_cast<size_t>(item.correct)]}, item.correct = 0;
  return std::make_shared<FileScenario>(std::move(spec), std::move(file.items));
}

std::vector<std::shared_ptr<const Scenario>> file_scenarios(const std::filesystem::path& path,
                                                            const FileScenarioOptions& options) {
  if (!std::filesystem::is_directory(path)) return {file_scenario(path, options)};
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
    throw Error(path.string() + ": has no *.json or *.jsonl; wanted files of questions");
  std::vector<std::shared_ptr<const Scenario>> scenarios;
  for (const auto& file : files) scenarios.push_back(file_scenario(file, options));
  return scenarios;
}

}  // namespace lineage
