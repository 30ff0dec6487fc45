#include "lineage/run/file_questions.h"

#include "lineage/base/error.h"
#include "lineage/base/file_name.h"
#include "lineage/data/files.h"
#include "lineage/data/glob.h"
#include "lineage/eval/scenarios/file_scenario.h"
#include "lineage/run/program_sandbox.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// The files of the paths, patterns expanded; a folder's are its files of questions.
std::vector<fs::path> files_of(const std::vector<std::string>& paths, const std::string& key) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    require(!path.empty(), key, ": has an empty path; wanted a file, a folder or a pattern");
    std::error_code absent;
    if (is_pattern(path) && !fs::exists(path, absent)) {
      SourceConfig matching;
      matching.paths = {path};
      for (const InputFile& f : list_files(matching, key).files) files.push_back(f.path);
      continue;
    }
    if (!fs::exists(path, absent))
      throw Error(key + ": " + path + ": no such file or folder; wanted questions",
                  "check the path for a typing error; relative ones start at the recipe's folder");
    for (fs::path& file : question_files(path)) files.push_back(std::move(file));
  }
  return files;
}

FileScenarioOptions options_of(const QuestionsConfig& config) {
  FileScenarioOptions options;
  options.shots = static_cast<int>(config.shots),
  options.samples = static_cast<int>(config.samples);
  options.chain = config.chain, options.chain_prompt = config.chain_prompt;
  options.program_runner = sandboxed_programs;
  options.preamble = config.preamble, options.examples = config.examples;
  if (config.complexity) options.vote = PromptSpec::Vote::complexity;
  options.items.malformed = config.skip_malformed ? Malformed::skip : Malformed::error;
  options.items.leave_out = config.leave_out;
  return options;
}

// One file is called NAME, several NAME/FILE.
Questions named_questions(const std::string& name, const QuestionsConfig& config,
                          Progress& progress) {
  const std::string key = "evaluation.questions." + name;
  check_file_name(name, "evaluation.questions", "question set");
  const std::vector<fs::path> files = files_of(config.paths, key + ".paths");
  require(!files.empty(), key, ": has no paths; wanted at least one");
  FileScenarioOptions options = options_of(config);
  (files.size() == 1 ? options.name : options.group) = name;
  return {file_scenarios(files, options, progress), config.n};
}

}  // namespace

std::vector<Questions> file_questions(const EvaluationConfig& config,
                                      const std::set<std::string>& taken, Progress& progress) {
  std::vector<Questions> all;
  if (!config.files.empty())
    all.push_back({file_scenarios(files_of(config.files, "evaluation.files"),
                                  {.program_runner = sandboxed_programs}, progress),
                   0});
  for (const auto& [name, questions] : config.questions)
    all.push_back(named_questions(name, questions, progress));
  std::set<std::string> names = taken;
  for (const Questions& q : all)
    for (const auto& scenario : q.scenarios)
      if (const ScenarioSpec& spec = scenario->spec();
          taken.contains(spec.ability) || !names.insert(spec.name).second)
        throw Error("evaluation: two question sets are called " + spec.name +
                        ", one of them from " + spec.title + "; wanted another name for one",
                    "name its file in a table: [evaluation.questions.NAME] paths = [\"…\"]");
  return all;
}

void check_file_names(const ScenarioList& scenarios, const Database& database,
                      const std::string& help) {
  for (const auto& scenario : scenarios) {
    const ScenarioSpec& spec = scenario->spec();
    const std::string file = fs::path(spec.title).filename();
    for (const std::string& title : database.titles(spec.name))
      if (title != spec.title && title != file)  // before 0.2 a title was the file's name alone
        throw Error(database.path().string() + ": has scores of another file under the name " +
                        spec.name + " (" + title + ", not " + spec.title + "); wanted another name",
                    help);
  }
}

}  // namespace lineage
