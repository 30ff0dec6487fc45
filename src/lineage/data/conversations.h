#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/data/dataset.h"
#include "lineage/data/provenance.h"
#include "lineage/data/source_config.h"
#include "lineage/text/chat.h"

namespace lineage {

// What becomes of a conversation that is longer than the context: its front is cut (of the first
// prompt), its end, or it is left out.
enum class TooLong : uint8_t { cut_front, cut_end, drop };
constexpr std::array<std::string_view, 3> enum_names(TooLong) {
  return {"cut_front", "cut_end", "drop"};
}

// Conversations in files, to tune a model on.
struct ConversationsConfig {
  std::vector<std::string> paths{};
  double weight = 1;
  std::string licence{};
  BadRecord bad_record = BadRecord::error;
  TooLong too_long = TooLong::cut_front;
  double heldout = 0.05;
};

template <class V>
void fields(V& v, ConversationsConfig& c) {
  v("paths", c.paths, "files, folders or patterns: JSONL, or JSON arrays, plain or packed");
  v("weight", c.weight, "share of the training rows, relative to the other sets'", above(0));
  v("licence", c.licence, "what they are under, for the record");
  v("bad_record", c.bad_record, "on a record that is no conversation: error or skip");
  v("too_long", c.too_long,
    "of one longer than the context: cut_front (of the first prompt), cut_end, or drop");
  v("heldout", c.heldout, "share kept out of training, chosen by a hash of the prompt",
    between(0, 1));
}

// One conversation and where it stood.
struct Conversation {
  std::vector<Turn> turns;
  double rating = 0;  // of its last answer, when the record has one
  std::string place;  // "a.jsonl:14", or "a.json: entry 3"
};

// What a record of a public format says, as turns. The formats, told apart by their keys:
//
//   {"messages": [{"role": "user", "content": "…"}, …]}         OpenAI; also "conversations" with
//                                                               "from" and "value" (ShareGPT)
//   {"instruction": "…", "input": "…", "output": "…"}           Alpaca; also "context", "response"
//   {"instruction": "…", "instances": [{"input", "output"}]}    Self-Instruct: one an instance
//   {"prompt": "…", "completion": "…"}                          also "response"
//
// and "rating": 7. Throws an Error that names the place for another record, and, when
// `wants_answer`, for one whose last turn is not the assistant's or is empty.
std::vector<Conversation> read_record(std::string_view json, const std::string& place,
                                      bool wants_answer = true);

// Every conversation of a set, in the order of files and records. Counts what it skips.
std::vector<Conversation> read_conversations(const std::string& name, const ConversationsConfig&,
                                             SourceRecord&, bool wants_answer = true);

// A set as examples with weights on the answers: trained on, and held out.
struct TuningSet {
  std::vector<Example> train, heldout;
  SourceRecord record;  // dropped and cut ones are counted there
};
TuningSet tuning_set(const std::string& name, const ConversationsConfig&, const Tokenizer&,
                     int64_t context);

// Cuts an example of more than `limit` tokens: front or end, by the rule; false when it is to be
// dropped, or when nothing to learn is left.
bool fit(Example&, TooLong, int64_t limit);

}  // namespace lineage
