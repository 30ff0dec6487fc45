#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/data/record_turns.h"
#include "lineage/text/chat.h"

namespace lineage {

// One conversation and its place in the file.
struct Conversation {
  std::vector<Turn> turns;
  double rating = 0;    // of its last answer, if the record has one
  std::string place;    // "a.jsonl:14", or "a.json: entry 3"
  uint64_t record = 0;  // a hash of its whole record
};

// The content of a record of a public format. The formats, recognised by their keys
// (docs/formats.md has all of them):
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
struct RecordContent : RecordRemarks {
  std::vector<Conversation> conversations{};
};

// Throws an Error that names the place for a record of no such format, and, when `wants_answer`,
// for one without an answer or with a blank one. Turns after the last answer are left out.
RecordContent read_record(const nlohmann::json&, const std::string& place,
                          bool wants_answer = true);

}  // namespace lineage
