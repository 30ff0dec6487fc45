#include <algorithm>
#include <cmath>

#include "lineage/base/enum_index.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

constexpr size_t kNovelKeys = 24;

}  // namespace

TextContext::TextContext(const World& of) : world(&of), functions(training_functions(of)) {
  double exposures = 0;
  for (const Person& person : of.persons())
    if (person.questioned) {
      questioned_.push_back(&person);
      exposures += kExposures[enum_index(person.tier)];
      cumulative_exposures_.push_back(exposures);
    }
  const Vocabulary& v = Vocabulary::get();
  for (std::string_view block : {"first_names", "family_names"})
    for (Token t : v.tokens(block)) keys.push_back(t);
  Draw draw(of.key("novel keys"));
  draw.shuffle(keys);
  novel_keys.assign(keys.end() - kNovelKeys, keys.end());
  keys.resize(keys.size() - kNovelKeys);
  for (std::string_view block : {"companies", "letters"})
    for (Token t : v.tokens(block)) keys.push_back(t);
  draw.shuffle(keys);
  double sum = 0;
  for (size_t i = 0; i < keys.size(); ++i)
    zipf_weights_.push_back(sum += std::pow(static_cast<double>(i + 1), -of.config().zipf));
}

const Person& TextContext::questioned_person(Draw& draw) const {
  const double x = draw.uniform() * cumulative_exposures_.back();
  const auto at =
      std::upper_bound(cumulative_exposures_.begin(), cumulative_exposures_.end() - 1, x);
  return *questioned_[at - cumulative_exposures_.begin()];
}

int TextContext::zipf(Draw& draw, int n) const {
  const auto end = zipf_weights_.begin() + std::min<std::ptrdiff_t>(n, std::ssize(zipf_weights_));
  return static_cast<int>(
      std::upper_bound(zipf_weights_.begin(), end - 1, draw.uniform() * *(end - 1)) -
      zipf_weights_.begin());
}

std::span<const Template> TextContext::statements(Relation relation) const {
  return fact_templates(relation).train_statements(world->config().train_templates);
}

Stranger random_stranger(const TextContext& context, Draw& draw, int facts) {
  Stranger stranger{
      draw.pick(context.world->ephemerals()), context.world->random_profile(draw), {}};
  for (int a : draw.distinct(facts, kAttributes)) stranger.told.push_back(static_cast<Relation>(a));
  return stranger;
}

void write_question(DocumentWriter& out, const Template& question, const Fact& fact) {
  static const Template before("q :"), after("a :");
  before.write(out, {});
  write_fact(out, question, fact);
  after.write(out, {});
}

}  // namespace lineage
