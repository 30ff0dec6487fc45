#pragma once

#include <span>

#include "lineage/text/tokenizer.h"

namespace lineage {

// What a story that a model wrote is made of (A02). A sentence that the text breaks off in is left
// out, unless it is the only one.
struct StoryReport {
  int sentences = 0;
  int derived = 0;      // that the generating grammar derives
  int seen_before = 0;  // that stand before in the story or its opening
  int mentions = 0;     // of the cast, where a sentence is derived: hero's pronouns, names, thing
  int fitting_mentions = 0;  // that are those of the opening

  double grammatical() const { return share(derived, sentences, 0); }
  double repeated() const { return share(seen_before, sentences, 0); }
  double consistent() const;  // NaN without a mention

 private:
  static double share(int part, int of, double otherwise) {
    return of == 0 ? otherwise : static_cast<double>(part) / of;
  }
};

// `opening` is what stood before; sentences end with "." or "?".
StoryReport read_story(std::span<const Token> opening, std::span<const Token> text);

}  // namespace lineage
