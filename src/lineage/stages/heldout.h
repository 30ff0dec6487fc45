#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "lineage/comm/communicator.h"
#include "lineage/data/text_data.h"
#include "lineage/nn/gpt.h"

namespace lineage {

// A model's score on data held out of training.
struct HeldoutScore {
  double nats = 0;           // summed over the predicted tokens
  int64_t tokens = 0;        // predicted
  double bits_per_byte = 0;  // of their text
  double nats_per_token() const { return tokens ? nats / static_cast<double>(tokens) : 0; }
  // The scores of labelled tokens, by the label's name (PreparedSource::label_names).
  std::map<std::string, HeldoutScore> labels{};
};

// Called now and then with the number of rows that this rank has done so far.
using RowsDone = std::function<void(int64_t rows)>;

// The first `count` rows of a dataset, shared among the ranks; bits_per_byte stays 0.
HeldoutScore score_rows(const Gpt&, const Dataset&, int64_t count, const BatchOptions&,
                        Communicator&, const RowsDone& = {});

// Scores of the sources with held-out data, by name, and of all together under "". Reads at most
// `max_tokens` of each in order; 0: all. The rows are shared among the ranks; every rank gets the
// same result.
std::map<std::string, HeldoutScore> score_heldout(const Gpt&, const TextData&, int64_t max_tokens,
                                                  Communicator&, const RowsDone& = {});
// The number of rows that score_heldout() reads.
int64_t heldout_rows(const TextData&, int64_t max_tokens);

}  // namespace lineage
