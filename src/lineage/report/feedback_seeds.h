#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lineage/report/report.h"

namespace lineage {

// What several seeds of a node measured, for the terminal and the Markdown page; web/ has the same
// in TypeScript.

using Intervals = std::vector<CountedInterval>;

// The rewards or the feedback of a node, by seed.
template <class Result>
struct OfNode {
  std::string node;
  std::vector<const Result*> seeds;

  // A value of each seed.
  template <class Value>
  auto each(const Value& value) const {
    std::vector<decltype(value(*seeds[0]))> all;
    for (const Result* r : seeds) all.push_back(value(*r));
    return all;
  }
};

// `all` is by node.
template <class Result>
std::vector<OfNode<Result>> by_node(const std::vector<Result>& all) {
  std::vector<OfNode<Result>> nodes;
  for (const Result& r : all) {
    if (nodes.empty() || nodes.back().node != r.node) nodes.push_back({r.node, {}});
    nodes.back().seeds.push_back(&r);
  }
  return nodes;
}

// The parts of that name that seeds have, such as the rates of a kind of request.
template <class Part>
std::vector<const Part*> parts_called(const std::string& id,
                                      const std::vector<const std::vector<Part>*>& seeds) {
  std::vector<const Part*> found;
  for (const auto* parts : seeds)
    for (const Part& part : *parts)
      if (part.id == id) found.push_back(&part);
  return found;
}

// The values of those seeds, or parts, that have one.
template <class Part, class Value>
std::vector<Value> present(const std::vector<const Part*>& seeds,
                           std::optional<Value> Part::*which) {
  std::vector<Value> all;
  for (const Part* part : seeds)
    if (part->*which) all.push_back(*(part->*which));
  return all;
}

// One measure of answers, by seed.
struct AnswersOfSeeds {
  Intervals parent, model, best_of_4, win_rate, model_less_parent, model_less_best_of_4;
};
AnswersOfSeeds answers_called(const OfNode<ReportFeedback>&, const std::string& measure);

// How often a behaviour is seen in answers to requests of a kind, by seed.
struct RatesOfSeeds {
  std::vector<BeforeAfter> shares;
  std::vector<int64_t> n;
};
RatesOfSeeds rates_called(const std::vector<const KindRates*>& kind, const std::string& behaviour);

double median(std::vector<double>);
BeforeAfter median(const std::vector<BeforeAfter>&);

enum class Sign : uint8_t { of_negatives, always };

// ".68 [.66, .70]"; of several seeds the median, then each: ".67 (.66 [.64, .68], .68 [.66, .70])".
// None: empty.
std::string seeds_text(const Intervals&, Sign = Sign::of_negatives);
// The same of numbers without an interval.
std::string seeds_text(const std::vector<double>&, int digits = 2);
// With three significant digits each.
std::string significant_text(const std::vector<double>&);
// ".27 → .35"; of several seeds the medians, then the models: ".27 → .35 (.34, .36)".
std::string change_text(const std::vector<BeforeAfter>&, int digits = 2);
// "600"; where seeds differ "600, 598".
std::string counts_text(const std::vector<int64_t>&);
std::string counts_text(const Intervals&);

// The word's name.
std::string word_name(const Report&, const std::string& id);

// A curve of a node's own training on all of its data; null: there is none.
const ReportCurve* curve_called(const Report&, const std::string& node, uint64_t seed,
                                const std::string& metric);
// Whether a policy learned from its own answers: its training has a reward and a KL.
bool learns_from_answers(const Report&, const std::string& node);

}  // namespace lineage
