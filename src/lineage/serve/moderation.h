#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lineage/serve/scheduler.h"
#include "lineage/serve/wire.h"

namespace lineage {

// The content filter: a model with a scalar head, whose sigmoid at the last token of a
// conversation, as the assistant would read it, is the probability that the request is improper
// (stage moderation).

// Probabilities of some conversations, as tokens; judged on the scheduler's thread, where `done`
// is called too: with a reason instead if the model cannot be had, and with those so far once
// `cancelled` is set.
using Judged = std::function<void(std::vector<double>, const std::string& failure)>;
void judge(Scheduler&, std::shared_ptr<const ServedModel>, std::vector<std::vector<Token>>,
           std::shared_ptr<const std::atomic<bool>> cancelled, Judged);

// An entry of the results of POST /v1/moderations: OpenAI's thirteen categories, of which this
// filter knows one, "illicit"; and its own, "improper", with the same score.
OrderedJson moderation_result(double score, bool flagged);

}  // namespace lineage
