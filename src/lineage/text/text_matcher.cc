#include "lineage/text/text_matcher.h"

#include <algorithm>

namespace lineage {

TextMatcher::TextMatcher(std::span<const SpecialToken> wanted)
    : wanted_(wanted.begin(), wanted.end()) {
  std::stable_sort(wanted_.begin(), wanted_.end(),
                   [](const auto& a, const auto& b) { return a.text.size() > b.text.size(); });
  for (const SpecialToken& s : wanted_) first_.set(static_cast<uint8_t>(s.text.front()));
}

TextMatcher::Match TextMatcher::find(std::string_view text, size_t from) const {
  for (size_t at = from; !empty() && at < text.size(); ++at) {
    if (!first_.test(static_cast<uint8_t>(text[at]))) continue;
    const std::string_view rest = text.substr(at);
    for (const SpecialToken& s : wanted_)
      if (rest.starts_with(s.text)) return {at, s.text.size(), s.id};
  }
  return {text.size(), 0, -1};
}

}  // namespace lineage
