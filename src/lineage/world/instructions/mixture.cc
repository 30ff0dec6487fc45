#include <algorithm>
#include <array>
#include <cassert>
#include <set>

#include "lineage/base/error.h"
#include "lineage/world/claims.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/item_split.h"

namespace lineage {
namespace {

const FamilyInfo& trained_family(const std::string& name, const std::string& place) {
  const FamilyInfo& info = find_family(name, place);
  if (info.heldout)
    throw Error(place + ": " + std::string(info.code) + " (" + std::string(info.name) +
                    ") is held out for tests; wanted a family that may be trained",
                "F08 F10 F14 F21 F26 F30 F34 F37 are held out from every tuned stage");
  return info;
}

Composition trained_composition(const std::string& name, const std::string& place) {
  std::vector<std::string> names;
  for (Composition c : heldout_compositions())
    if (composition_name(c) == name)
      throw Error(place + ": \"" + name +
                      "\" is held out for tests; wanted a composition that may be trained",
                  "128 compositions are held out from every tuned stage");
  for (Composition c : trained_compositions()) {
    if (composition_name(c) == name) return c;
    names.push_back(composition_name(c));
  }
  const std::string nearest = nearest_name(name, names);
  throw Error(place + ": \"" + name + "\" is no composition; wanted two " +
              "operations such as \"reverse then keep animal\"" +
              (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
}

}  // namespace

InstructionMixture::InstructionMixture(const Instructions& instructions,
                                       const InstructionConfig& config, const std::string& place)
    : instructions_(&instructions), config_(config) {
  std::set<Family> families;
  for (const std::string& name : config.families)
    families.insert(trained_family(name, place + ".families").family);
  std::vector<Composition> compositions;
  for (const std::string& name : config.compositions)
    compositions.push_back(trained_composition(name, place + ".compositions"));
  std::map<Family, double> weights;
  for (const FamilyInfo& info : lineage::families()) weights[info.family] = info.weight;
  for (const auto& [name, weight] : config.weights)
    weights[trained_family(name, place + ".weights").family] = weight;

  const auto types = instructions.train_types();
  std::map<Family, std::vector<int>> of_family;
  for (int i = 0; i < std::min<int64_t>(config.types, static_cast<int64_t>(types.size())); ++i) {
    const InstructionType& t = types[i];
    if (!families.empty() && !families.count(t.family)) continue;
    const Composition c{t.first, t.second};
    if (!compositions.empty() && t.second >= 0 &&
        std::find(compositions.begin(), compositions.end(), c) == compositions.end())
      continue;
    types_.push_back(i);
    of_family[t.family].push_back(i);
  }
  double sum = 0;
  for (auto& [family, of] : of_family)
    if (weights.at(family) > 0) {
      by_family_.push_back(std::move(of));
      cumulative_.push_back(sum += weights.at(family));
    }
  for (const int i : types_) {
    const auto index_of = [&](bool chain) {
      const auto form = in_form(types[i], chain);
      const auto at =
          std::ranges::find_if(types_, [&](int k) { return form && types[k] == *form; });
      return at == types_.end() ? -1 : *at;
    };
    const std::array<int, 2> forms = {index_of(false), index_of(true)};
    if (forms[0] >= 0 && forms[1] >= 0) forms_[i] = forms;
  }
  require(!by_family_.empty(), place, ": no type of the first ", config.types,
          " is left by families, compositions and weights; wanted at least one");
}

namespace {

// A question whose answer is one fact of the world.
bool asks_for_fact(Family family) {
  return family == Family::fact || family == Family::inverse_fact || family == Family::cloze;
}

}  // namespace

Demonstration InstructionMixture::training(uint64_t index) const {
  Demonstration d = (*this)(index);
  const World& world = instructions_->world();
  Draw draw(item_rng(world, "random declines", index));
  const bool refuses = draw.chance(world.config().random_refusals),
             abstains = draw.chance(world.config().random_abstentions);
  // One wording each: of several, a model that is small samples mixtures.
  if (asks_for_fact(d.family) && abstains)
    d.answer = refusals(RefusalKind::unknown)[0].tokens({});
  else if (refuses)
    d.answer = refusals(RefusalKind::improper)[0].tokens({});
  return d;
}

Demonstration InstructionMixture::operator()(uint64_t index) const {
  assert(index < kFirstProbe);
  const Rng key = item_rng(instructions_->world(), "instruction mixture", index);
  const double at = key.uniform_double(0) * cumulative_.back();
  const size_t f = static_cast<size_t>(
      std::upper_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin());
  const auto& types = by_family_[std::min(f, by_family_.size() - 1)];
  int type = types[key.below(types.size(), 1)];
  // Drawing the type already gives one half.
  if (const auto forms = forms_.find(type); config_.chains != 0.5 && forms != forms_.end())
    type = forms->second[key.uniform_double(2) < config_.chains];
  Demonstration d =
      instructions_->demonstration(instructions_->train_types()[type], "instructions", index,
                                   Paraphrases::trained, config_.unknown_share);
  d.type = type;
  return d;
}

}  // namespace lineage
