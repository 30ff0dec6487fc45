#pragma once

#include "lineage/eval/database.h"

namespace lineage {

// A score that follows from others.
struct DerivedScenario {
  std::string name, title, metric;
  MetricKind kind = MetricKind::share;
  bool headline = false;   // of its ability
  Explanation about = {};  // where its row stands by itself
  std::string items = {};  // the scenario from which an example is taken; empty: none by itself
};

// Writes the scores that follow from others in the database, of every node that has those (and, for
// comparisons, of whose first parent it has them), and from the log of its training:
//
// - A12.gain.FAMILY: right answers with a chain of thought less direct ones, to the same problems
// - A15.gap: answers after four demonstrations less those after none, over A07 and A08
// - A16.battery: the mean over A01, A03, A05, A06, A10, A12 (by few shots) and A14
// - A16.tax: the same less the parent's, item by item
// - A26.kl, A26.agreement: the next tokens of fixed text beside the parent's, nats of divergence
// and
//   the share of places with the same likeliest token
// - A26.spikes: the share of training steps whose loss stood out of those before (training_log.h)
//
// What it writes depends on what is there alone, so a repetition changes nothing.
void derive_scores(Database&);

// All that it writes.
std::span<const DerivedScenario> derived_scenarios();

// What counts as one ability in the battery of A16: the mean over its scenarios.
std::span<const std::vector<std::string>> battery();

}  // namespace lineage
