#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lineage/data/preference_record.h"
#include "lineage/data/provenance.h"
#include "lineage/data/record_set.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// Comparisons of answers in files, to train reward models and to tune by preferences.
using PreferencesConfig = RecordSetConfig;

// Every comparison of a set, in the order of files and records. Counts skipped records and unused
// parts.
std::vector<RankedAnswers> read_preferences(const std::string& name, const PreferencesConfig&,
                                            SourceRecord&);

// One prompt and its ranked answers as tokens: the prompt followed by any answer is the whole
// conversation in ChatTemplate.
struct Comparison {
  std::vector<Token> prompt;                // up to and with the opening of the assistant's turn
  std::vector<std::vector<Token>> answers;  // each with the tokens that end its turn
  std::vector<int> ranks;                   // as in RankedAnswers
  bool operator==(const Comparison&) const = default;
};

Comparison comparison_of(const RankedAnswers&, const Tokenizer&, const ChatTemplate&);

// Makes the prompt with the longest answer at most `limit` tokens long: the prompt loses its front,
// down to the opening of the answer's turn, of `opening` tokens; or the answers lose their ends. A
// reason of source.h where that cannot be or the rule is to drop; "" for one that fits now.
std::string_view fit(Comparison&, TooLong, int64_t limit, int64_t opening);

// A set as tokens: trained on, and held out, all comparisons of a prompt on one side.
struct PreferenceSet {
  std::vector<Comparison> train, heldout;
  SourceRecord record;  // dropped and cut ones are counted there
};
PreferenceSet preference_set(const std::string& name, const PreferencesConfig&, const Tokenizer&,
                             int64_t context);

}  // namespace lineage
