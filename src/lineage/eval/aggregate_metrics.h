#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lineage/eval/scenario.h"

namespace lineage::aggregates {

// A mean of shares; higher is better.
MetricInfo mean_share();

// The mean of the items' annotation number `index`, each cell weighing the same; none if it applies
// to no item.
AggregateMetric annotation(std::string name, std::string title, size_t index,
                           MetricInfo = mean_share());
// The same over outputs of `least` to `most` words only, so that length does not matter.
AggregateMetric annotation_at_length(std::string name, std::string title, size_t index, MetricInfo,
                                     int64_t least, int64_t most);

// The probability that one of k of the samples drawn has full grade (Chen et al. 2021, eq. 1).
AggregateMetric pass_at(std::string name, int64_t k);

// The grade of the winner of another vote over the same samples.
AggregateMetric vote(std::string name, std::string title, const PromptSpec&, PromptSpec::Vote);

// The reference's answer after its own chain, as if every step had been right: its probability, and
// nats a token.
AggregateMetric answer_given_chain(std::string name);

// The mean of an annotation over the cells `yes` less that over the cells `no` (Youden 1950,
// J = sensitivity + specificity - 1).
AggregateMetric youden(std::string name, std::string title, size_t index,
                       std::vector<std::string> yes, std::vector<std::string> no);

// The probability that an item of a cell that cannot be answered (`unknown`) has more uncertainty
// than one that can (`known`): by the log-odds of abstaining, which is the last `abstain` choices
// against all others, or by the lack of confidence in the likeliest of the others. The lowest over
// the unknown cells counts.
struct Scopes {
  std::vector<std::string> known, unknown;
};
enum class Uncertainty : uint8_t { abstains, unsure };
AggregateMetric abstention_auroc(std::string name, std::string title, Uncertainty, size_t abstain,
                                 std::vector<Scopes>);

// The least-squares slope of the log-odds of abstaining over the x of each cell.
AggregateMetric abstention_slope(std::string name, std::string title, size_t abstain,
                                 std::vector<std::pair<std::string, double>> cells);

// The difference in nats a token between the items of two cells in one cluster: the gain of `more`
// over `less`.
AggregateMetric log_likelihood_gain(std::string name, std::string title, std::string less,
                                    std::string more);

// The probability that a step fails, from two annotations of each item: the numbers of right and of
// wrong steps. Where counting ends at the first wrong step, the probability of k right steps is
// (1 - eps)^k, and this is the maximum-likelihood eps.
AggregateMetric error_rate(std::string name, std::string title, size_t right, size_t wrong);

// Different triples of words among all triples of the outputs.
AggregateMetric distinct_triples(std::string name);

// The mean number of words in an output, and the share of outputs that ended by themselves.
AggregateMetric mean_length(std::string name);
AggregateMetric ended(std::string name);

// The accuracy of choices whose scores are log-probabilities as `scored`, if they were compared as
// `judged`: lm-evaluation-harness' acc and acc_norm of the same predictions.
AggregateMetric choice_accuracy(std::string name, std::string title, PromptSpec::Normalise scored,
                                PromptSpec::Normalise judged);

// The mean of a metric over one subject's items.
AggregateMetric of_subject(std::string name, std::string subject, ItemMetric);

// Expected calibration error of choices: softmax of their scores against being right.
AggregateMetric choice_calibration(std::string name);

}  // namespace lineage::aggregates
