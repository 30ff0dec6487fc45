#pragma once

#include <string>

namespace lineage {

// What a row of results means, for a reader who has never seen the suite: whole sentences, plain
// text. It is a statement of the measure alone, and of no model's score.
struct Explanation {
  std::string measures = {};  // the question of an item, and the right answer
  std::string chance = {};    // where the figure of chance comes from; empty: the metric has none
  std::string low = {};       // what a score at chance or below it says, and what it does not
  std::string accepts = {};   // which answers count beside the reference; empty: no others
  std::string parts = {};     // what the names of the cells mean; empty: there are none
  bool empty() const { return measures.empty(); }
};

}  // namespace lineage
