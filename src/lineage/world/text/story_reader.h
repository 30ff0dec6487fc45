#pragma once

#include <span>

#include "lineage/text/tokenizer.h"

namespace lineage {

// Counts of a model's story (A02). An unfinished last sentence is left out, unless it is the only
// one.
struct StoryReport {
  int sentences = 0;
  int derived = 0;           // derived by the generating grammar
  int seen_before = 0;       // already in the story or its opening
  int mentions = 0;          // of the cast, in derived sentences: hero's pronouns, names, thing
  int fitting_mentions = 0;  // that agree with the opening

  double grammatical() const { return share(derived, sentences, 0); }
  double repeated() const { return share(seen_before, sentences, 0); }
  double consistent() const;  // NaN without a mention

 private:
  static double share(int part, int of, double otherwise) {
    return of == 0 ? otherwise : static_cast<double>(part) / of;
  }
};

// `opening` is the text before it; sentences end with "." or "?".
StoryReport read_story(std::span<const Token> opening, std::span<const Token> text);

}  // namespace lineage
