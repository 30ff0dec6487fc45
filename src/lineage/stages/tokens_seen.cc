#include "lineage/stages/tokens_seen.h"

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
  const StageReads reads = stage_of(node).reads(node, recipe);
  auto tokens = static_cast<double>(reads.tokens);
  if (reads.tokens == 0) {
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

std::map<std::string, double> pretraining_through(const RecipeNode& node, const Recipe& recipe) {
  std::map<std::string, double> tokens = node.pretraining;
  const StageReads reads = stage_of(node).reads(node, recipe);
  if (reads.text_share == 1)  // text alone: the node pretrains
    deal(static_cast<double>(reads.tokens), reads.texts, tokens);
  return tokens;
}

std::vector<TokensSeen> tokens_seen(const Recipe& recipe,
                                    const std::map<std::string, int64_t>& sizes) {
  std::vector<TokensSeen> out;
  for (const RecipeNode& node : recipe.nodes) {  // parents come first
    TokensSeen seen{node.name,
                    node.parents.empty() ? "" : node.parents[0],
                    own_tokens(node, recipe, sizes),
                    {}};
    seen.total = seen.own;
    for (const TokensSeen& before : out)
      if (before.node == seen.parent)
        for (const auto& [source, tokens] : before.total) seen.total[source] += tokens;
    out.push_back(std::move(seen));
  }
  return out;
}

}  // namespace lineage
