#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/progress.h"
#include "lineage/checkpoint/model.h"
#include "lineage/eval/evaluate.h"
#include "lineage/run/file_questions.h"

namespace lineage {

// The questions for a model; empty: skip it. Called for one model at a time.
using QuestionsOf =
    std::function<std::vector<Questions>(const Model&, const NodeRecord&, Progress&)>;

// A measurement in the database: the node's key and the scenario's digest.
struct MeasuredScenario {
  std::string node, digest;
};

// Measures the models of some folders into the database, several in parallel with a share of the
// threads each: a small model gains little from a second thread (docs/log.md, 2026-11-23). The
// scores do not depend on how many. Returns the database's measurements of these questions, new and
// earlier ones. The first exception ends all and is rethrown; when options.interrupted() is true it
// returns early with those that are done.
std::vector<MeasuredScenario> evaluate_models(const std::vector<std::filesystem::path>& folders,
                                              const QuestionsOf&, Database&, const EvaluateOptions&,
                                              Progress&);

// A model's record for the database of scores.
NodeRecord node_record(const Model&, const std::filesystem::path& folder);

// The reason why a model cannot be measured: it has no tokenizer or, for questions of the
// micro-world, one with other words. None: it can.
std::optional<Error> why_not_measurable(const Model&, const NodeRecord&, bool micro_world);

// The scenarios among these measurements for which reports keep showing an earlier one with more
// items, and its number of items.
std::map<std::string, int64_t> larger_measurements(const std::vector<MeasuredScenario>&,
                                                   const Database&);

}  // namespace lineage
