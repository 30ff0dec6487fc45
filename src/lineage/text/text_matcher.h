#pragma once

#include <bitset>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// Finds any of a few texts (special tokens) inside a long one.
class TextMatcher {
 public:
  struct Match {
    size_t begin = 0, size = 0;  // size 0: nothing found, and begin is the end of the text
    Token id = -1;
  };

  TextMatcher() = default;
  explicit TextMatcher(std::span<const SpecialToken> wanted);

  bool empty() const { return wanted_.empty(); }
  // The leftmost from `from` on; of those that start there the longest.
  Match find(std::string_view text, size_t from) const;

  // between(segment) for the text around the matches (never empty), on_match(id) for each.
  template <class Between, class OnMatch>
  void split(std::string_view text, const Between& between, const OnMatch& on_match) const {
    for (size_t at = 0; at < text.size();) {
      const Match m = find(text, at);
      if (m.begin > at) between(text.substr(at, m.begin - at));
      if (m.size > 0) on_match(m.id);
      at = m.begin + m.size;
    }
  }

 private:
  std::vector<SpecialToken> wanted_;  // the longest first
  std::bitset<256> first_;            // bytes that one of them starts with
};

}  // namespace lineage
