#include "lineage/text/pattern.h"

#include <algorithm>
#include <span>

#include "lineage/base/config.h"
#include "lineage/base/enum_index.h"
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
constexpr std::string_view kQwen2Regexes[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
};
// Files have two steps in its place, Digits and ByteLevel.
constexpr std::string_view kStarcoderRegexes[] = {
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+)",
};
// Its brackets nest: none of ( | ) . , and so on, nor white space.
constexpr std::string_view kBloomRegexes[] = {
    R"( ?[^(\s|[.,!?…。，、।۔،])]+)",
};

struct Spellings {
  Pattern pattern;
  std::span<const std::string_view> regexes;
};
constexpr Spellings kSpellings[] = {
    {Pattern::gpt2, kGpt2Regexes},   {Pattern::cl100k, kCl100kRegexes},
    {Pattern::qwen2, kQwen2Regexes}, {Pattern::starcoder, kStarcoderRegexes},
    {Pattern::bloom, kBloomRegexes},
};

}  // namespace

std::optional<Pattern> find_pattern(std::string_view name) {
  for (const auto& [pattern, regexes] : kSpellings)
    if (name == enum_name(pattern)) return pattern;
  for (std::string_view n : {"r50k", "p50k", "r50k_base", "p50k_base", "p50k_edit"})
    if (name == n) return Pattern::gpt2;
  if (name == "cl100k_base") return Pattern::cl100k;
  return {};
}

std::string_view pattern_regex(Pattern pattern) {
  return kSpellings[enum_index(pattern)].regexes.front();
}

std::optional<Pattern> find_pattern_by_regex(std::string_view regex) {
  for (const auto& [pattern, regexes] : kSpellings)
    if (std::ranges::find(regexes, regex) != regexes.end()) return pattern;
  return {};
}

size_t first_piece(Pattern pattern, const char* p, const char* end) {
  return with_scanner(pattern, [&](auto scan) { return static_cast<size_t>(scan(p, end) - p); });
}

size_t safe_split(std::string_view text, size_t from) {
  for (size_t i = from < 1 ? 1 : from; i < text.size(); ++i)
    if ((text[i] == ' ' || text[i] == '\n') &&
        scan::kClassOfByte[static_cast<uint8_t>(text[i - 1])] == scan::kLetter)
      return i;
  return text.size();
}

}  // namespace lineage
