#include "lineage/world/minipy/corpus/draft.h"

#include <algorithm>

namespace lineage {
namespace {

const Vocabulary& words() { return Vocabulary::get(); }

struct LayoutTokens {
  Token newline = words().token("\n"), indent = words().token("<indent>"),
        dedent = words().token("<dedent>");
};
const LayoutTokens& layout() {
  static const LayoutTokens tokens;
  return tokens;
}

}  // namespace

std::vector<Token> Draft::tokens() const {
  std::vector<Token> out;
  out.reserve(lines.size() * 8);
  int indent = 0;
  for (const Line& line : lines) {
    for (; indent < line.indent; ++indent) out.push_back(layout().indent);
    for (; indent > line.indent; --indent) out.push_back(layout().dedent);
    minipy::write_code(line.text, out);
    out.push_back(layout().newline);
  }
  for (; indent > 0; --indent) out.push_back(layout().dedent);
  return out;
}

bool right_side(const CodeContext& context, uint64_t key) {
  return (key % 10 == 0) == context.test;
}

std::optional<Ran> run_draft(const CodeContext& context, const Draft& draft,
                             minipy::RunOptions options) {
  options.limits.steps = context.config.max_steps;
  Ran ran;
  try {
    const std::vector<Token> tokens = draft.tokens();
    const minipy::Lexemes lexemes = minipy::read_words(tokens);
    ran.program = minipy::parse(lexemes.items);
  } catch (const minipy::Fault&) {
    return {};
  }
  ran.key = minipy::canonical_hash(*ran.program);
  if (!right_side(context, ran.key)) return {};
  ran.result = minipy::run(*ran.program, options);
  if (ran.result.outcome != minipy::Outcome::ok || ran.result.greatest > context.config.max_integer)
    return {};
  return ran;
}

CodeWriter::CodeWriter(DocumentType type) : document_(type) { document_.text("<src:code>"); }

CodeWriter& CodeWriter::begin(int indent) {
  for (; indent_ < indent; ++indent_) document_.token(layout().indent);
  for (; indent_ > indent; --indent_) document_.token(layout().dedent);
  return *this;
}

CodeWriter& CodeWriter::text(std::string_view code, TokenTag tag) {
  std::vector<Token> tokens;
  minipy::write_code(code, tokens);
  for (Token t : tokens) document_.token(t, tag);
  return *this;
}

CodeWriter& CodeWriter::output(std::string_view printed, TokenTag tag) {
  std::vector<Token> tokens;
  minipy::write_text(printed, tokens);
  for (Token t : tokens) document_.token(t, tag);
  return *this;
}

CodeWriter& CodeWriter::end() {
  document_.token(layout().newline);
  return *this;
}

CodeWriter& CodeWriter::comment(int indent, std::string_view words) {
  return begin(indent).text("#").text(words).end();
}

Document CodeWriter::finish() {
  begin(0);
  return document_.finish();
}

std::optional<Document> fitting(const CodeContext& context, CodeWriter& writer) {
  Document d = writer.finish();
  if (static_cast<int64_t>(d.tokens.size()) > context.config.document_tokens) return {};
  return d;
}

std::string fresh_name(Draw& draw, std::vector<std::string>& taken) {
  const auto letters = words().block("letters"), identifiers = words().block("identifiers");
  for (;;) {
    std::string name(draw.chance(0.65) ? draw.pick(letters) : draw.pick(identifiers));
    if (std::find(taken.begin(), taken.end(), name) != taken.end()) continue;
    taken.push_back(name);
    return name;
  }
}

}  // namespace lineage
