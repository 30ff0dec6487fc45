#include "lineage/stages/diet.h"

#include "lineage/stages/demonstrations.h"
#include "lineage/stages/stage.h"
#include "lineage/stages/texts.h"

namespace lineage {
namespace {

// The keys that say what a stage reads; each stage has some of them.
struct Reads {
  std::map<std::string, double> mixture, pretrain_mixture;
  double epochs = 1, pretrain_share = 0;
};

template <class V>
void fields(V& v, Reads& c) {
  v("mixture", c.mixture, "");
  v("pretrain_mixture", c.pretrain_mixture, "");
  v("epochs", c.epochs, "");
  v("pretrain_share", c.pretrain_share, "");
}

Reads reads_of(const RecipeNode& node) {
  const Stage& stage = stage_for(node.stage, node.place);
  const ConfigNode frozen = ConfigNode::parse(stage.frozen(node), node.place);
  Reads reads;
  ConfigReader reader(frozen.child(node.stage));
  fields(reader, reads);  // without finish(): the table has other keys, too
  return reads;
}

// `tokens` of sources by their weights.
void deal(double tokens, const std::map<std::string, double>& weights,
          std::map<std::string, double>& out) {
  double sum = 0;
  for (const auto& [name, weight] : weights) sum += weight;
  for (const auto& [name, weight] : weights) out[name] += tokens * weight / sum;
}

std::map<std::string, double> own_tokens(const RecipeNode& node, const Recipe& recipe,
                                         const std::map<std::string, int64_t>& sizes) {
  const Reads reads = reads_of(node);
  const StagePlan plan = stage_for(node.stage, node.place).plan(node, recipe, 1);
  std::map<std::string, double> out;
  double tokens = static_cast<double>(plan.tokens);
  if (node.stage == "pretrain") {
    deal(tokens, chosen_texts(recipe, reads.mixture, node.place), out);
    return out;
  }
  const auto sets = chosen_sets(recipe, reads.mixture, node.place);
  if (plan.estimated) {
    tokens = 0;
    for (const auto& [name, weight] : sets)
      if (const auto size = sizes.find(name); size != sizes.end())
        tokens += reads.epochs * static_cast<double>(size->second) / (1 - reads.pretrain_share);
  }
  deal(tokens * (1 - reads.pretrain_share), sets, out);
  if (reads.pretrain_share > 0)
    deal(tokens * reads.pretrain_share, chosen_texts(recipe, reads.pretrain_mixture, node.place),
         out);
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
