#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lineage/eval/scenario.h"

namespace lineage::measures {

// The mean of one of the items' details, each cell weighing the same; of no item where it applies
// to none.
Measure detail(std::string name, std::string title, size_t index,
               MetricKind kind = MetricKind::share);

// The chance that one of k of the samples drawn passes the item's check (Chen et al. 2021, eq. 1).
Measure pass_at(std::string name, int64_t k);

// The same samples with another vote: their steps decide who votes (complexity), or the first alone
// counts.
Measure vote(std::string name, std::string title, const Prompting&, Prompting::Vote);

// The reference's answer after its own chain, as if every step had been right: exp and nats a
// token.
Measure answer_given_chain(std::string name);

// Of the details of items in cells that begin with `yes` and with `no`: the difference of their
// means (Youden 1950, J = sensitivity + specificity - 1).
Measure youden(std::string name, std::string title, size_t detail, std::string yes, std::string no);

// How well the log-odds of abstaining, the last `abstain` choices against all others, tell items of
// the cells `known` from those of `unknown`; and the same by the confidence in the likeliest of the
// other choices. The lowest over the unknown cells: the hardest counts.
struct Scopes {
  std::vector<std::string> known, unknown;
};
enum class Doubt : uint8_t { abstains, unsure };
Measure scope_auroc(std::string name, std::string title, Doubt, size_t abstain,
                    std::vector<Scopes> pairs);

// The difference in nats a token between the items of two cells that are of one cluster: what
// `more` has beyond `less`.
Measure log_prob_gain(std::string name, std::string title, std::string less, std::string more);

// The chance that a step fails, from two details of each item: steps right and steps wrong. Where a
// wrong step ends what is counted, the chance to be right throughout k steps is (1 - eps)^k, and
// this is the maximum likelihood eps.
Measure error_rate(std::string name, std::string title, size_t right, size_t wrong);

// The mean of a detail over outputs of so many words, so that length does not tell.
Measure detail_at_length(std::string name, std::string title, size_t index, int64_t least,
                         int64_t most);

// The least-squares slope of the log-odds of abstaining, as for scope_auroc, over x of each cell.
Measure doubt_slope(std::string name, std::string title, size_t abstain,
                    std::vector<std::pair<std::string, double>> cells);

// Different triples of words among all triples that were written.
Measure distinct_triples(std::string name);

// Words an output, and the share of outputs that ended by themselves.
Measure mean_length(std::string name);
Measure ended(std::string name);

// Expected calibration error of choices: softmax of their scores against being right.
Measure choice_calibration(std::string name);

}  // namespace lineage::measures
