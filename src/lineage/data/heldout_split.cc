#include "lineage/data/heldout_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lineage/data/blanks.h"

namespace lineage {
namespace {

constexpr int64_t kFewTokens = 1000;

// The place in [first, last] nearest to `at` that follows `mark`; npos where there is none.
size_t nearest_after(std::string_view text, std::string_view mark, size_t first, size_t at,
                     size_t last) {
  constexpr size_t npos = std::string_view::npos;
  const auto inside = [&](size_t found) {
    return found != npos && found + mark.size() >= first && found + mark.size() <= last
               ? found + mark.size()
               : npos;
  };
  const size_t before = at < mark.size() ? npos : inside(text.rfind(mark, at - mark.size()));
  const size_t after =
      inside(text.substr(0, last).find(mark, at < mark.size() ? 0 : at - mark.size() + 1));
  if (before == npos || after == npos) return before == npos ? after : before;
  return at - before <= after - at ? before : after;
}

}  // namespace

HeldoutBorder first_border(double share) {
  return {share >= 1 ? kHeldOutLast : static_cast<uint64_t>(std::ldexp(share, 64)), 0};
}

HeldoutBorder heldout_border(std::vector<HashedSize> documents, double share, bool cut) {
  const HeldoutBorder first = first_border(share);
  if (first.hash == 0 || documents.empty()) return {};
  int64_t total = 0, below = 0;
  for (const HashedSize& d : documents) {
    total += d.bytes;
    if (d.hash < first.hash) below += d.bytes;
  }
  const double wanted = share * static_cast<double>(total), have = static_cast<double>(below);
  if (have >= 0.75 * wanted && have <= 1.25 * wanted && below < total) return first;

  std::ranges::sort(documents, {}, &HashedSize::hash);
  double left = wanted;  // to hold out
  for (size_t i = 0; i < documents.size();) {
    size_t end = i;
    double bytes = 0;  // of all documents of this hash, which are equal
    for (; end < documents.size() && documents[end].hash == documents[i].hash; ++end)
      bytes += static_cast<double>(documents[end].bytes);
    if (bytes > left || end == documents.size()) {
      const uint64_t hash = documents[i].hash;
      if (!cut) return {left > bytes / 2 && end < documents.size() ? hash + 1 : hash, 0};
      const double part = bytes > 0 ? std::min(1.0, left / bytes) : 0;
      return {hash, std::llround(part * static_cast<double>(documents[i].bytes))};
    }
    left -= bytes;
    i = end;
  }
  return {};
}

size_t heldout_cut(std::string_view text, int64_t tail) {
  constexpr size_t npos = std::string_view::npos;
  const size_t size = text.size(), held = static_cast<size_t>(std::max<int64_t>(0, tail));
  if (held == 0 || held >= size) return npos;
  const size_t at = size - held;
  const size_t first = at - std::min(at, held / 2), last = std::min(size - 1, at + held / 2);
  size_t place = npos;
  for (const std::string_view mark : {"\n\n", "\n", " "})
    if (place == npos) place = nearest_after(text, mark, first, at, last);
  if (place == npos) {
    place = at;
    while (place > 0 && (text[place] & 0xC0) == 0x80) --place;  // not inside a character
  }
  return blank(text.substr(0, place)) || blank(text.substr(place)) ? npos : place;
}

std::string heldout_warning(const std::string& table, double share, const SourceRecord& record) {
  if (share <= 0 || record.heldout_tokens >= kFewTokens) return {};
  const std::string help = fmt::format("set {}.heldout higher, or add text", table);
  if (record.heldout_tokens == 0)
    return fmt::format(
        "{}: nothing is held out (heldout = {} of {} bytes), so there is no "
        "held-out loss; {}",
        table, share, record.bytes, help);
  return fmt::format("{}: {} tokens are held out; a loss on fewer than {} tells little; {}", table,
                     record.heldout_tokens, kFewTokens, help);
}

}  // namespace lineage
