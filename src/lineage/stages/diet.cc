#include "lineage/stages/diet.h"

#include "lineage/stages/stage.h"

namespace lineage {
namespace {

// `tokens` of sources by their weights.
void deal(double tokens, const std::map<std::string, double>& weights,
          std::map<std::string, double>& out) {
  double sum = 0;
  for (const auto& [name, weight] : weights) sum += weight;
  for (const auto& [name, weight] : weights) out[name] += tokens * weight / sum;
}

std::map<std::string, double> own_tokens(const RecipeNode& node, const Recipe& recipe,
                                         const std::map<std::string, int64_t>& sizes) {
  const Stage& stage = stage_of(node);
  const StageReads reads = stage.reads(node, recipe);
  const StagePlan plan = stage.plan(node, recipe, 1);
  double tokens = static_cast<double>(plan.tokens);
  if (plan.estimated) {
    tokens = 0;
    for (const auto& [name, weight] : reads.sets)
      if (const auto size = sizes.find(name); size != sizes.end())
        tokens += reads.epochs * static_cast<double>(size->second) / (1 - reads.text_share);
  }
  std::map<std::string, double> out;
  deal(tokens * (1 - reads.text_share), reads.sets, out);
  deal(tokens * reads.text_share, reads.texts, out);
  return out;
}

}  // namespace

std::vector<ReadTokens> read_tokens(const Recipe& recipe,
                                    const std::map<std::string, int64_t>& sizes) {
  std::vector<ReadTokens> out;
  for (const RecipeNode& node : recipe.nodes) {  // parents come first
    ReadTokens reads{node.name,
                     node.parents.empty() ? "" : node.parents[0],
                     own_tokens(node, recipe, sizes),
                     {}};
    reads.total = reads.own;
    for (const ReadTokens& before : out)
      if (before.node == reads.parent)
        for (const auto& [source, tokens] : before.total) reads.total[source] += tokens;
    out.push_back(std::move(reads));
  }
  return out;
}

}  // namespace lineage
