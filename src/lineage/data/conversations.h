#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lineage/data/conversation_record.h"
#include "lineage/data/dataset.h"
#include "lineage/data/record_set.h"
#include "lineage/text/chat.h"

namespace lineage {

// Conversations in files, to tune a model on.
using ConversationsConfig = RecordSetConfig;

// Every conversation of a set, in the order of files and records. Counts skipped records and unused
// parts.
std::vector<Conversation> read_conversations(const std::string& name, const ConversationsConfig&,
                                             SourceRecord&, bool wants_answer = true);

int64_t bytes_of(const Conversation&);  // of the texts of its turns

// A set as examples with weights on the answers: trained on, and held out, whole records at a time
// (heldout_split.h).
struct TuningSet {
  std::vector<Example> train, heldout;
  SourceRecord record;  // dropped and cut ones are counted there
};
TuningSet tuning_set(const std::string& name, const ConversationsConfig&, const Tokenizer&,
                     int64_t context);

// Cuts an example of more than `limit` tokens: front or end, by the rule; false if it must be
// dropped or has nothing left to learn.
bool fit(Example&, TooLong, int64_t limit);

}  // namespace lineage
