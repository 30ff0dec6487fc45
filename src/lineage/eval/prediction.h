#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lineage {

// One of several answers that were drawn.
struct DrawnAnswer {
  std::string output, answer;
  int64_t steps = 0;  // of its chain
};

// The answer of a model to an instance. Kept, so that metrics can be recomputed without the model.
struct Prediction {
  std::string output;  // generated, the voted one's; or the chosen choice
  std::string answer;  // extracted from it
  int chosen = -1;
  std::vector<double> scores;  // of the choices, normalised; equal ones are ties
  // Nats a token of the reference (of the chain and the answer when reasoning).
  double log_prob = 0;
  double answer_log_prob = 0;  // of the answer's tokens alone, after the reference chain
  // Format-leak diagnostic: of `choose`, the probability that the answer is one of the choices; of
  // `generate`, 1 when the output ended by itself and contained an answer.
  double format = 0;
  std::vector<DrawnAnswer> samples;  // if several were drawn
  bool truncated = false;            // examples or the left end of the prompt were cut to fit
  bool fits = true;  // false: not even the answer fits; such an item counts for nothing
};

}  // namespace lineage
