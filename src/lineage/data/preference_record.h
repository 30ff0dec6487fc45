#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/data/record_turns.h"
#include "lineage/text/chat.h"

namespace lineage {

// Answers to one prompt, as people or a judge ranked them. At least two differ in rank, and no two
// are the same text.
struct RankedAnswers {
  std::vector<Turn> prompt;  // the last turn is a user's
  std::vector<std::string> answers;
  std::vector<int> ranks;  // one for each answer: 1, 2, …; 1 is the best, equal ones are a tie
  std::string place;       // "a.jsonl:14", or "a.json: entry 3"
  // A hash of the prompt, of a tree the first: all comparisons of it are on one side of a split.
  uint64_t record = 0;
};

// The content of a record of a public format. The formats, recognised by their keys
// (docs/formats.md has all of them):
//
//   {"prompt": "…", "chosen": "…", "rejected": "…"}       also lists of messages (TRL), which may
//                                                         begin with the prompt; one message each
//                                                         beside "conversations" (LLaMA-Factory);
//                                                         hh-rlhf's "\n\nHuman: …\n\nAssistant: …"
//   {"prompt": "…", "responses": ["…", …],                "scores" (higher is better) in place of
//    "ranks": [2, …]}                                     ranks; or objects with a text and either
//   {"prompt": "…", "response1": "…", "response2": "…",   PandaLM's annotators, HelpSteer's
//   strength,
//    "label": 1}                                          scores; SHP; qa-feedback's "prediction 1"
//   {"question": "…", "NAME": {"solution", "is_correct"}} GSM8K's solutions of models
//   {"prompt": {"role", "text", "replies": […]}}          OpenAssistant's trees: one for each turn
//                                                         whose replies have ranks
struct PreferenceContent : RecordRemarks {
  std::vector<RankedAnswers> comparisons{};  // one, of a tree several; none if it is dropped
};

// Throws an Error that names the place for a record of no such format, and for one that
// contradicts itself. A record without a preference, as with equal answers, is dropped as a tie.
PreferenceContent read_preference(const nlohmann::json&, const std::string& place);

}  // namespace lineage
