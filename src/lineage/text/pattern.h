#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lineage {

// The rule by which byte-level BPE cuts text into pieces that merges never cross. `gpt2` is the
// pattern of GPT-2's files, of r50k and of p50k (these differ in their vocabularies only); `cl100k`
// is that of gpt-3.5-turbo, and Llama 3's; `qwen2` is cl100k with one digit a piece (Qwen2, Qwen3);
// `starcoder` is GPT-2's after a cut at every digit (StarCoder, SmolLM); `bloom` is BLOOM's.
enum class Pattern : uint8_t { gpt2, cl100k, qwen2, starcoder, bloom };

constexpr std::array<std::string_view, 5> enum_names(Pattern) {
  return {"gpt2", "cl100k", "qwen2", "starcoder", "bloom"};
}

// By one of the names above, or r50k, p50k, r50k_base, p50k_base, p50k_edit, cl100k_base.
std::optional<Pattern> find_pattern(std::string_view name);

// The pattern as a regular expression, in the spelling that tokenizer.json files use.
std::string_view pattern_regex(Pattern);
// The inverse, also for other files' equivalent spellings.
std::optional<Pattern> find_pattern_by_regex(std::string_view regex);

// The length of the first piece of [p, end), p < end: the regular expression's match there. A byte
// outside any UTF-8 character counts as neither letter, number nor space.
size_t first_piece(Pattern, const char* p, const char* end);

// A place at or after `from` where every pattern ends one piece and starts another in any context:
// between an ASCII letter and a space or line feed. text.size() when there is none. Lets threads
// share one text.
size_t safe_split(std::string_view text, size_t from);

}  // namespace lineage
