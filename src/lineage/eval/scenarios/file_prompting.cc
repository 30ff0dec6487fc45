#include "lineage/eval/scenarios/file_prompting.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/eval/aggregate_metrics.h"
#include "lineage/eval/item_metrics.h"
#include "lineage/eval/scenarios/program_verdicts.h"

namespace lineage {
namespace {

using Items = std::vector<Instance>;

bool all_choices(const Items& items) {
  return std::ranges::all_of(
      items, [](const Instance& i) { return i.answers.size() > 1 || i.contexts.size() > 1; });
}

bool all_programs(const Items& items) {
  return std::ranges::all_of(items, [](const Instance& i) { return i.program != nullptr; });
}

std::string text_before_questions(const std::filesystem::path& file) {
  std::string text = read_file(file);
  // The canary above the dashes is for those who gather training data.
  if (const size_t dashes = text.find("-----\n"); dashes != text.npos) text.erase(0, dashes + 6);
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text + "\n\n";
}

void check_options(const QuestionSet& set, const FileScenarioOptions& options) {
  const bool programs = all_programs(set.content.items);
  const std::string place = set.path().string();
  if (options.samples > 1 && !options.chain && !programs)
    throw Error(fmt::format("{}: {} samples of answers without a chain of thought; wanted --chain, "
                            "or one sample",
                            place, options.samples),
                "the answers of several chains vote: --chain --samples 20");
  if (!options.chain && !options.chain_prompt.empty())
    throw Error(place + ": a chain prompt without a chain of thought; wanted --chain",
                "for a text before direct questions take --preamble");
  if (options.vote == PromptSpec::Vote::complexity && options.samples < 2)
    throw Error(place + ": a vote by complexity of one sample; wanted several chains",
                "--chain --samples 20 --complexity");
  if (programs && options.chain)
    throw Error(place + ": a chain of thought before a program; wanted programs alone",
                "leave --chain out");
  if (programs && !options.program_runner)
    throw Error(
        place + ": asks for programs, which have to be executed; wanted a sandbox for them",
        "evaluate on a machine where programs can be run in isolation (docs/benchmarks.md), "
        "or leave the file out");
}

// lm-evaluation-harness' acc and acc_norm are of the same predictions.
void add_other_accuracy(ScenarioSpec& spec, const Items& items) {
  using Normalise = PromptSpec::Normalise;
  const bool lengths_differ = std::ranges::any_of(items, [](const Instance& i) {
    return i.contexts.empty() && std::ranges::any_of(i.answers, [&](const Part& a) {
             return a.text.size() != i.answers[0].text.size();
           });
  });
  if (!lengths_differ) return;
  const bool by_bytes = spec.prompt.normalise == Normalise::bytes;
  spec.aggregates.push_back(aggregates::choice_accuracy(
      spec.name + (by_bytes ? ".acc" : ".acc_norm"),
      by_bytes ? "choices by log-probability" : "choices by log-probability a byte",
      spec.prompt.normalise, by_bytes ? Normalise::none : Normalise::bytes));
}

void add_subjects(ScenarioSpec& spec, const Items& items) {
  std::set<std::string> subjects;
  for (const Instance& item : items)
    if (!item.subject.empty()) subjects.insert(item.subject);
  if (subjects.size() < 2) return;
  for (const std::string& subject : subjects)
    spec.aggregates.push_back(
        aggregates::of_subject(spec.name + "/" + subject, subject, spec.metric));
}

void set_choices(ScenarioSpec& spec, const QuestionSet& set) {
  const FileFormat& format = *set.content.format;
  spec.prompt.method = PromptSpec::Method::choose;
  spec.prompt.normalise = format.normalise;
  spec.metric = format.metric ? format.metric() : metrics::choice_accuracy();
  if (!format.metric) add_other_accuracy(spec, set.content.items);
}

void set_programs(ScenarioSpec& spec, QuestionSet& set, const FileScenarioOptions& options) {
  const auto verdicts = std::make_shared<ProgramVerdicts>(options.program_runner());
  for (Instance& item : set.content.items)
    item.grade = [verdicts, program = item.program](const std::string& output) {
      return verdicts->passed(program(output)) ? 1.0 : 0.0;
    };
  spec.judge = [verdicts](std::span<const Instance> items, std::span<const Prediction> made) {
    verdicts->judge(items, made);
  };
  spec.metric = metrics::graded();
  spec.prompt.match = PromptSpec::Match::verbatim;
  spec.prompt.samples = options.samples;
  if (options.samples < 2) return;
  spec.prompt.sampling.temperature = 0.8;  // of Chen et al. 2021 for many samples
  for (const int64_t k : {1, 10, 100})
    if (k <= options.samples)
      spec.aggregates.push_back(aggregates::pass_at(fmt::format("{}.pass@{}", spec.name, k), k));
}

void set_answers(ScenarioSpec& spec, QuestionSet& set, const FileScenarioOptions& options) {
  PromptSpec& p = spec.prompt;
  p.method = PromptSpec::Method::generate;
  p.sampling = greedy(32);
  p.match = PromptSpec::Match::exact;
  if (set.content.format->ask) set.content.format->ask(p, set.content.items);
  if (all_programs(set.content.items)) return set_programs(spec, set, options);
  spec.metric = metrics::answer_match(p.match);
}

// A folder has a text for each file of questions, by its name (BIG-Bench Hard).
std::filesystem::path prompt_of(const QuestionSet& set, const std::filesystem::path& prompt) {
  if (!std::filesystem::is_directory(prompt)) return prompt;
  std::filesystem::path name = set.path().filename();
  while (name.has_extension()) name = name.stem();
  const std::filesystem::path file = prompt / (name.string() + ".txt");
  if (!std::filesystem::exists(file))
    throw Error(file.string() + ": no such file; wanted worked examples for " + set.path().string(),
                "a folder of chain prompts has NAME.txt for NAME.json");
  return file;
}

// Three ways to ask for a chain: as GSM8K's own solutions are written (lm-evaluation-harness'
// gsm8k), after worked examples of GSM8K (Wei et al. 2022, gsm8k_cot), and after those of
// BIG-Bench Hard (Suzgun et al. 2023, bbh_cot_fewshot).
void set_chain(ScenarioSpec& spec, const QuestionSet& set, const FileScenarioOptions& options) {
  PromptSpec& p = spec.prompt;
  const bool worked =
      std::ranges::none_of(set.content.items, [](const Instance& i) { return i.chain.empty(); });
  require(worked || !options.chain_prompt.empty(), spec.name,
          ": has no worked solutions; wanted worked examples (GSM8K) or a chain prompt");
  p.reasoning = PromptSpec::Reasoning::chain;
  p.sampling.max_tokens = 256;
  if (options.chain_prompt.empty()) {
    p.chain_lead = " ", p.chain_end = "\n####";
  } else if (worked) {
    p.before_question = "Q: ", p.before_answer = "\nA:";
    p.chain_lead = " ", p.chain_end = " The answer is";
    p.sampling.stop = {"Q:"};
  } else {
    p.chain_lead = " Let's think step by step.\n", p.chain_end = " So the answer is";
    p.sampling.stop = {"Q:"};
  }
  if (!options.chain_prompt.empty())
    p.instructions.text += text_before_questions(prompt_of(set, options.chain_prompt));
  p.samples = options.samples;
  if (p.samples > 1) p.vote = options.vote, p.sampling.temperature = 0.7;
}

}  // namespace

void set_prompting(ScenarioSpec& spec, QuestionSet& set, const FileScenarioOptions& options) {
  check_options(set, options);
  const FileFormat& format = *set.content.format;
  spec.prompt.before_answer = "";  // the readers end a question with its own words
  spec.prompt.shots = options.shots;
  if (options.shots > 0) spec.name += ".k" + std::to_string(options.shots);
  if (options.chain) spec.name += options.samples > 1 ? ".vote" : ".cot";
  spec.name += format.suffix;
  if (!options.preamble.empty())
    spec.prompt.instructions.text = text_before_questions(options.preamble);
  if (!format.alternatives && all_choices(set.content.items) && !options.chain)
    set_choices(spec, set);
  else
    set_answers(spec, set, options);
  if (options.chain) set_chain(spec, set, options);
  add_subjects(spec, set.content.items);
  for (AggregateMetric& further : spec.aggregates) further.parent_row = spec.name;
}

}  // namespace lineage
