#include "lineage/text/pattern.h"

#include "lineage/text/pattern_scan.h"

namespace lineage {
namespace {

// Spellings that match the same pieces, or (the possessive ones) pieces that become the same
// tokens. The first is the one we write.
constexpr std::string_view kGpt2Regexes[] = {
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)",
};
constexpr std::string_view kCl100kRegexes[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)",
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s)",
};

}  // namespace

std::optional<Pattern> find_pattern(std::string_view name) {
  for (std::string_view n : {"gpt2", "r50k", "p50k", "r50k_base", "p50k_base", "p50k_edit"})
    if (name == n) return Pattern::gpt2;
  for (std::string_view n : {"cl100k", "cl100k_base"})
    if (name == n) return Pattern::cl100k;
  return {};
}

std::string_view pattern_regex(Pattern pattern) {
  return pattern == Pattern::gpt2 ? kGpt2Regexes[0] : kCl100kRegexes[0];
}

std::optional<Pattern> find_pattern_by_regex(std::string_view regex) {
  for (std::string_view r : kGpt2Regexes)
    if (regex == r) return Pattern::gpt2;
  for (std::string_view r : kCl100kRegexes)
    if (regex == r) return Pattern::cl100k;
  return {};
}

size_t first_piece(Pattern pattern, const char* p, const char* end) {
  const char* q = pattern == Pattern::gpt2 ? scan_gpt2(p, end) : scan_cl100k(p, end);
  return static_cast<size_t>(q - p);
}

size_t safe_split(std::string_view text, size_t from) {
  for (size_t i = from < 1 ? 1 : from; i < text.size(); ++i)
    if ((text[i] == ' ' || text[i] == '\n') &&
        scan::kClassOfByte[static_cast<uint8_t>(text[i - 1])] == scan::kLetter)
      return i;
  return text.size();
}

}  // namespace lineage
