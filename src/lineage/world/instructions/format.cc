#include "lineage/world/instructions/format.h"

#include <algorithm>

#include "lineage/base/enum_index.h"
#include "lineage/world/language_b.h"

namespace lineage {
namespace {

struct Frame {
  std::string_view before, after;
  bool commas;
};

constexpr std::array<Frame, kFormats> kFormatFrames = {{{"", "", false},
                                                        {"[", "]", true},
                                                        {"", "", true},
                                                        {"ANSWER", "", false},
                                                        {"", "", false},
                                                        {"the answer is", ".", true},
                                                        {"{", "}", true},
                                                        {"RESULT", "", false}}};

}  // namespace

Tokens format_words(AnswerFormat format, int phrase) {
  constexpr std::array<std::array<std::string_view, 2>, kFormats> kWords = {
      {{"", ""},
       {"in [ ]", "put in brackets [ ]"},
       {"with ,", "with a comma ,"},
       {"with ANSWER", "with the tag ANSWER"},
       {"in b", "translate to b"},
       {"in a sentence", "in one sentence"},
       {"in { }", "put in brackets { }"},
       {"with RESULT", "with the tag RESULT"}}};
  return words_to_tokens(kWords[enum_index(format)][phrase % 2]);
}

Tokens format_answer(AnswerFormat format, std::span<const Tokens> items) {
  const Frame& frame = kFormatFrames[enum_index(format)];
  TokenText text(frame.before);
  if (frame.commas)
    text.list(items);
  else
    for (const Tokens& item : items) text.add(format == AnswerFormat::in_b ? to_b(item) : item);
  return text.text(frame.after).take();
}

std::optional<Tokens> unformat(AnswerFormat format, std::span<const Token> response) {
  const Frame& frame = kFormatFrames[enum_index(format)];
  const Tokens before = words_to_tokens(frame.before), after = words_to_tokens(frame.after);
  if (response.size() < before.size() + after.size() ||
      !std::equal(before.begin(), before.end(), response.begin()) ||
      !std::equal(after.rbegin(), after.rend(), response.rbegin()))
    return std::nullopt;
  const auto inner =
      response.subspan(before.size(), response.size() - before.size() - after.size());
  Tokens content(inner.begin(), inner.end());
  if (frame.commas) std::erase(content, word_token(","));
  return content;
}

}  // namespace lineage
