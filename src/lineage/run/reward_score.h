#pragma once

#include <string>
#include <vector>

#include "lineage/checkpoint/model.h"
#include "lineage/data/provenance.h"
#include "lineage/data/record_set.h"

namespace lineage {

// A reward model's judgement of the last answer of each conversation in some files.
struct AnswerRewards {
  struct One {
    std::string place;  // "a.jsonl:14"
    double reward = 0;
  };
  std::vector<One> all;  // in the order of files and records
  SourceRecord record;   // what was dropped, and how many were cut
  double mean() const;
};

// Of records as `lineage grow` tunes on (docs/formats.md); `too_long` rules over those longer than
// the model's context. An Error for a model that is no reward model or has no tokenizer, where
// `place` names it, for a record that cannot be read, and when no answer is left.
AnswerRewards score_answers(const Model&, const std::string& place,
                            const std::vector<std::string>& files, TooLong too_long);

}  // namespace lineage
