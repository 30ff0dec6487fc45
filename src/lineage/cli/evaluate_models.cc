#include <fmt/format.h>

#include <mutex>

#include "lineage/base/parallel.h"
#include "lineage/base/side_by_side.h"
#include "lineage/cli/evaluation.h"
#include "lineage/eval/derived.h"
#include "lineage/infer/engine.h"

namespace lineage::cli {

namespace fs = std::filesystem;

std::vector<AskedScenario> evaluate_models(const std::vector<fs::path>& folders,
                                           const QuestionsOf& questions_of, Database& database,
                                           const EvaluateOptions& options, Progress& progress) {
  SideBySide side_by_side(std::vector<Piece>(folders.size()), num_threads());
  JointProgress joint(progress, fmt::format("evaluating {} models", folders.size()),
                      std::vector<double>(folders.size(), 1));
  std::mutex asking;
  std::vector<std::vector<AskedScenario>> asked(folders.size());
  side_by_side.run([&](size_t i) {
    EvaluateOptions own_options = options;
    own_options.interrupted = [&] {
      return side_by_side.pause(i) || (options.interrupted && options.interrupted());
    };
    if (own_options.interrupted()) return;
    Database own(database.path());
    own.join_run(database);
    Model model = load_model(folders[i]);
    const NodeRecord node = node_record(model, folders[i]);
    const auto part = joint.piece(i, node.name);
    const ScenarioList scenarios = [&] {
      const std::scoped_lock lock(asking);
      return questions_of(model, node, *part);
    }();
    if (scenarios.empty()) return;
    for (std::string& digest : evaluate(*language_model(*model.gpt, *model.tokenizer), node,
                                        scenarios, own, own_options, *part))
      asked[i].push_back({node.key, std::move(digest)});
  });
  derive_scores(database);  // from what all of them have written
  std::vector<AskedScenario> all;
  for (auto& of_model : asked) all.insert(all.end(), of_model.begin(), of_model.end());
  return all;
}

}  // namespace lineage::cli
