#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "lineage/comm/communicator.h"
#include "lineage/data/text_data.h"
#include "lineage/nn/gpt.h"

namespace lineage {

// How well a model predicts what was held out of training.
struct HeldoutScore {
  double nats = 0;           // summed over the predicted tokens
  int64_t tokens = 0;        // predicted
  double bits_per_byte = 0;  // of their text
  double nats_per_token() const { return tokens ? nats / static_cast<double>(tokens) : 0; }
  // Of the tokens that bear a label, by its name (PreparedSource::label_names).
  std::map<std::string, HeldoutScore> labels{};
};

// The first `count` rows of a dataset, shared among the ranks; bits_per_byte stays 0.
HeldoutScore score_rows(const Gpt&, const Dataset&, int64_t count, const BatchOptions&,
                        Communicator&);

// Every source's, by name, and all together under "". Reads at most `max_tokens` of each in order;
// 0: all. The rows are shared among the ranks; every rank gets the same result.
std::map<std::string, HeldoutScore> score_heldout(const Gpt&, const TextData&, int64_t max_tokens,
                                                  Communicator&);

}  // namespace lineage
