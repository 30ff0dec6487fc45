#include "lineage/run/evaluation.h"

#include <fmt/format.h>

#include <mutex>

#include "lineage/abilities/derived.h"
#include "lineage/base/parallel.h"
#include "lineage/base/task_graph.h"
#include "lineage/infer/engine.h"
#include "lineage/run/group_scores.h"
#include "lineage/run/suites.h"

namespace lineage {

std::vector<MeasuredScenario> evaluate_models(const std::vector<fs::path>& folders,
                                              const QuestionsOf& questions_of, Database& database,
                                              const EvaluateOptions& options, Progress& progress) {
  TaskGraph graph(std::vector<TaskGraph::Task>(folders.size()), num_threads());
  JointProgress joint(progress, fmt::format("evaluating {} models", folders.size()),
                      std::vector<double>(folders.size(), 1));
  std::mutex one_at_a_time;
  std::vector<std::vector<MeasuredScenario>> measured(folders.size());
  graph.run([&](size_t i) {
    EvaluateOptions own_options = options;
    own_options.interrupted = [&] {
      return graph.rebalance(i) || (options.interrupted && options.interrupted());
    };
    if (own_options.interrupted()) return;
    Database own(database.path());
    own.join_run(database);
    Model model = load_model(folders[i]);
    const NodeRecord node = node_record(model, folders[i]);
    const auto part = joint.piece(i, node.name);
    const std::vector<Questions> questions = [&] {
      const std::scoped_lock lock(one_at_a_time);
      return questions_of(model, node, *part);
    }();
    if (questions.empty()) return;
    const auto language = language_model(*model.gpt, *model.tokenizer);
    for (const Questions& q : questions) {
      own_options.n = q.n > 0 ? q.n : options.n;
      for (std::string& digest : evaluate(*language, node, q.scenarios, own, own_options, *part))
        measured[i].push_back({node.key, std::move(digest)});
      if (own_options.interrupted()) return;
      for (const QuestionGroup& group : question_groups(q.scenarios))
        if (std::string digest = write_group_score(own, node.key, group); !digest.empty())
          measured[i].push_back({node.key, std::move(digest)});
    }
  });
  derive_scores(database);  // from all of their scores
  std::vector<MeasuredScenario> all;
  for (auto& of_model : measured) all.insert(all.end(), of_model.begin(), of_model.end());
  return all;
}

NodeRecord node_record(const Model& model, const fs::path& folder) {
  const Manifest& m = model.manifest;
  NodeRecord r;
  r.key = m.identity.empty() ? m.weights : m.identity;
  r.name = m.node.empty() ? fs::canonical(folder).filename().string() : m.node;
  r.stage = m.stage, r.weights = m.weights, r.folder = folder.string();
  r.parents = m.parents;
  r.seed = m.seed, r.tokens = m.tokens;
  r.chats = m.chats;
  r.parameters = model.parameters->values().numel();
  return r;
}

std::optional<Error> why_not_measurable(const Model& model, const NodeRecord& node,
                                        bool micro_world) {
  if (model.config.scalar_head)
    return Error(fmt::format("{}: is {}; wanted a language model to put questions to", node.folder,
                             scalar_model_name(model)),
                 is_content_filter(model)
                     ? "its parent in the tree is one"
                     : "lineage score MODEL FILE --reward has it judge answers");
  if (!model.tokenizer)
    return Error(node.folder + ": has no tokenizer; wanted one to read the questions with",
                 "put the tokenizer.json that it was trained with into its folder");
  if (micro_world && !of_micro_world(*model.tokenizer))
    return Error(node.folder +
                     ": reads other words than the micro-world's, whose abilities "
                     "are asked; wanted questions in files",
                 "name them with --file, see docs/formats.md");
  return {};
}

std::map<std::string, int64_t> larger_measurements(const std::vector<MeasuredScenario>& measured,
                                                   const Database& database) {
  std::map<std::string, int64_t> larger;
  for (const MeasuredScenario& m : measured)
    if (const int64_t n = database.items_of_larger(m.node, m.digest); n > 0)
      for (const ScoreRow& r : database.scores_of(m.node, m.digest))
        if (r.cell.empty() && r.n <= n) {
          larger[r.scenario] = std::max(larger[r.scenario], n);
          break;
        }
  return larger;
}

}  // namespace lineage
