#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/world/token_text.h"

namespace lineage {

// The requested format of an answer (docs/abilities.md, section 3.6). The last two are held out
// from every tuned stage: their words describe the format, as the trained ones' words do.
enum class AnswerFormat : uint8_t {
  plain,      // owl cat
  brackets,   // [ owl , cat ]
  comma,      // owl , cat
  tag,        // ANSWER owl cat
  in_b,       // each word in language B
  sentence,   // the answer is owl , cat .
  braces,     // { owl , cat }       held out
  result_tag  // RESULT owl cat      held out
};
inline constexpr int kTrainedFormats = 6, kFormats = 8;
constexpr bool heldout(AnswerFormat f) { return f >= AnswerFormat::braces; }
constexpr std::array<std::string_view, kFormats> enum_names(AnswerFormat) {
  return {"plain", "brackets", "comma", "tag", "in_b", "sentence", "braces", "result_tag"};
}

// The instruction's words for the format, in one of two wordings; nothing for plain.
Tokens format_words(AnswerFormat, int phrase);
Tokens format_answer(AnswerFormat, std::span<const Tokens> items);
// The content without the format's own words and commas; nothing when the response has another
// format. in_b is not translated back.
std::optional<Tokens> unformat(AnswerFormat, std::span<const Token> response);

}  // namespace lineage
