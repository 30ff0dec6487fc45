#include "lineage/documents/told_lines.h"

#include "lineage/base/error.h"

namespace lineage {
namespace {

// Nothing for a line with a word that a closed vocabulary lacks.
std::vector<Token> line_tokens(const Tokenizer& tokenizer, std::optional<Token> mark,
                               const std::string& text) {
  std::vector<Token> tokens;
  try {
    if (mark) tokens.push_back(*mark);
    tokenizer.encode_append(mark ? text : "\n- " + text, tokens);
  } catch (const Error&) {
    return {};
  }
  return tokens;
}

}  // namespace

ToldLines tell_lines(const Tokenizer& tokenizer, const std::vector<FoundLine>& found,
                     int64_t wanted, int64_t room) {
  const std::optional<Token> mark = tokenizer.find_special("<ret>");
  ToldLines told;
  const std::vector<Token> opening = tokenizer.encode(mark ? ":" : "\n\nLines of documents:");
  for (const FoundLine& line : found) {
    if (std::ssize(told.lines) == wanted) break;
    const std::vector<Token> next = line_tokens(tokenizer, mark, line.text);
    const auto before = told.lines.empty() ? std::ssize(opening) : std::ssize(told.tokens);
    if (next.empty() || before + std::ssize(next) > room) continue;
    if (told.lines.empty()) told.tokens = opening;
    told.tokens.insert(told.tokens.end(), next.begin(), next.end());
    told.lines.push_back(line);
  }
  return told;
}

}  // namespace lineage
