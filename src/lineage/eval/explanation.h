#pragma once

#include <string>

namespace lineage {

// The meaning of a row of results, for a reader new to the suite: whole sentences, plain text. It
// describes the measure alone, not any model's score.
struct Explanation {
  std::string measures = {};  // the question of an item, and the right answer
  std::string chance = {};    // the source of the chance score; empty: the metric has none
  std::string low = {};       // the meaning of a score at or below chance, and its limits
  std::string accepts = {};   // other right answers beside the reference; empty: none
  std::string parts = {};     // the meaning of the cells' names; empty: no cells
  bool empty() const { return measures.empty(); }
};

}  // namespace lineage
