#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/text/chat.h"

namespace lineage {

// One conversation and where it stood.
struct Conversation {
  std::vector<Turn> turns;
  double rating = 0;    // of its last answer, when the record has one
  std::string place;    // "a.jsonl:14", or "a.json: entry 3"
  uint64_t record = 0;  // a hash of all that its record says
};

// What a record of a public format says. The formats, told apart by their keys (docs/formats.md has
// all of them):
//
//   {"messages": [{"role": "user", "content": "…"}, …]}         OpenAI; also "conversations" with
//                                                               "from" and "value" (ShareGPT)
//   {"instruction": "…", "input": "…", "output": "…"}           Alpaca, with "system", "history"
//   {"instruction": "…", "instances": [{"input", "output"}]}    Self-Instruct: one an instance
//   {"prompt": "…", "completion": "…"}                          also "question", "response"; either
//                                                               may be a list of messages (TRL)
//   {"chosen": "…", "rejected": "…"}                            the chosen one; also hh-rlhf's
//                                                               "\n\nHuman: …\n\nAssistant: …"
//   {"prompt": {"role", "text", "replies": […]}}                OpenAssistant's trees: along the
//                                                               replies ranked best
struct RecordContent {
  std::vector<Conversation> conversations;
  std::string_view dropped{};        // why there is none though the record is sound (source.h)
  std::vector<std::string> notes{};  // what it says besides that is not used, for the provenance
};

// Throws an Error that names the place for a record of no such format, and, when `wants_answer`,
// for one without an answer or with a blank one. What stands behind the last answer is left off.
RecordContent read_record(const nlohmann::json&, const std::string& place,
                          bool wants_answer = true);

}  // namespace lineage
