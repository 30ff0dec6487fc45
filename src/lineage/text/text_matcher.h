#pragma once

#include <bitset>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// Finds any of a few texts (added tokens) inside a long one, as `tokenizers` does
// (added_vocabulary.rs): leftmost, then longest; then a single_word among word characters is
// dropped, and lstrip and rstrip take the white space around the match.
class TextMatcher {
 public:
  TextMatcher() = default;
  explicit TextMatcher(std::span<const SpecialToken> wanted);

  bool empty() const { return wanted_.empty(); }

  // between(segment) for the text around the matches (never empty), on_match(id) for each.
  template <class Between, class OnMatch>
  void split(std::string_view text, const Between& between, const OnMatch& on_match) const {
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
      const Match match = find(text, at);
      if (match.token == nullptr) break;
      at = match.end;
      const auto [begin, end] = extent(text, match, done);
      if (begin == end) continue;
      if (begin > done) between(text.substr(done, begin - done));
      on_match(match.token->id);
      done = end;
    }
    if (done < text.size()) between(text.substr(done));
  }

 private:
  struct Match {
    size_t begin = 0, end = 0;
    const SpecialToken* token = nullptr;
  };
  // The leftmost from `from` on; of those that start there the longest.
  Match find(std::string_view text, size_t from) const;
  // What the match takes of the text, from `done` on; nothing where it does not count.
  static std::pair<size_t, size_t> extent(std::string_view text, const Match&, size_t done);

  std::vector<SpecialToken> wanted_;  // the longest first
  std::bitset<256> first_;            // bytes that one of them starts with
};

}  // namespace lineage
