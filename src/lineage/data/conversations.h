#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/data/conversation_record.h"
#include "lineage/data/dataset.h"
#include "lineage/data/files.h"
#include "lineage/data/provenance.h"
#include "lineage/data/source_config.h"
#include "lineage/text/chat.h"

namespace lineage {

// The treatment of a conversation longer than the context: its front is cut (of the first prompt),
// its end is cut, or it is left out.
enum class TooLong : uint8_t { cut_front, cut_end, drop };
constexpr std::array<std::string_view, 3> enum_names(TooLong) {
  return {"cut_front", "cut_end", "drop"};
}

// Conversations in files, to tune a model on.
struct ConversationsConfig {
  std::vector<std::string> paths{};
  double weight = 1;
  std::string licence{};
  InvalidText invalid_text = InvalidText::replace;
  BadRecord bad_record = BadRecord::error;
  TooLong too_long = TooLong::cut_front;
  double heldout = 0.05;
};

template <class V>
void fields(V& v, ConversationsConfig& c) {
  v("paths", c.paths, "files, folders or patterns: JSONL, or JSON arrays, plain or packed", kPaths);
  v("weight", c.weight, "share of the training rows, relative to the other sets'",
    from_above_to(0, 1e9));
  v("licence", c.licence, "what they are under, for the record");
  v("invalid_text", c.invalid_text,
    "on invalid UTF-8: replace it by U+FFFD, skip the record, error");
  v("bad_record", c.bad_record, "on a record that is no conversation: error or skip");
  v("too_long", c.too_long,
    "of one longer than the context: cut_front (of the first prompt), cut_end, or drop");
  v("heldout", c.heldout, "share of the bytes kept out of training: records by a hash of them",
    from_to_below(0, 1));
}

// The files of a set.
FileList list_files(const ConversationsConfig&, const std::string& name);

// Every conversation of a set, in the order of files and records. Counts skipped records and unused
// parts.
std::vector<Conversation> read_conversations(const std::string& name, const ConversationsConfig&,
                                             SourceRecord&, bool wants_answer = true);

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
