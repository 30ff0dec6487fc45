#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// The kinds of text that training reads: the corpora of the micro-world, and sets of
// demonstrations.
enum class TrainingKind : uint8_t { text, code, demonstrations };
std::string_view training_kind_name(TrainingKind);

// How an item can be in a corpus.
enum class Check : uint8_t {
  exact,    // the question, and at most a few tokens later the right answer; "a , b" is not there
            // where "a , b , c" is
  grams,    // at least half of its 13-grams with specific slots (see slots.h), if it has four
  key,      // its content key, whatever the names and the wording around it (see content_keys.h)
  program,  // a program or function with the same syntax tree, identifiers renamed
};
inline constexpr int kChecks = 4;
std::string_view check_name(Check);

// An acceptable overlap of an ability's items with a corpus: intended, or due to chance.
struct AllowedOverlap {
  std::vector<std::string> scenarios = {};  // with their conditions; empty: all of the ability
  std::vector<std::string> cells = {};      // empty: every cell
  std::vector<TrainingKind> sources;
  std::vector<Check> checks;
  double share = 1;  // of the items, at most
  std::string why;
};

}  // namespace lineage
