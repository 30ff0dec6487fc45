#include "lineage/world/instructions/demonstration.h"

#include <algorithm>

#include "lineage/text/chat.h"
#include "lineage/world/instructions/task.h"
#include "lineage/world/language_b.h"

namespace lineage {
namespace {

const ChatTemplate& chat() {
  static const ChatTemplate form(*Vocabulary::get().tokenizer());
  return form;
}

// The share of words in common, as F1 over multisets.
double overlap(std::span<const Token> a, std::span<const Token> b) {
  Tokens x(a.begin(), a.end()), y(b.begin(), b.end()), both;
  std::sort(x.begin(), x.end()), std::sort(y.begin(), y.end());
  std::set_intersection(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(both));
  return x.empty() || y.empty()
             ? 0
             : 2.0 * static_cast<double>(both.size()) / static_cast<double>(x.size() + y.size());
}

}  // namespace

Judgement Demonstration::judge(std::span<const Token> response) const {
  Judgement j;
  const std::optional<Tokens> inner = unformat(record.format, response);
  j.format_ok = inner.has_value();
  const std::span<const Token> content = inner ? std::span<const Token>(*inner) : response;
  if (accept) {
    j.content = accept(content);
    j.correct = j.format_ok && j.content >= 1;
    return j;
  }
  j.correct = std::equal(response.begin(), response.end(), answer.begin(), answer.end());
  TokenText flat;
  for (const Tokens& item : record.items)
    flat.add(record.format == AnswerFormat::in_b ? to_b(item) : item);
  const Tokens right = flat.take();
  const bool same = std::equal(content.begin(), content.end(), right.begin(), right.end());
  j.content = j.correct || same ? 1 : 0.5 * overlap(content, right);
  return j;
}

void mask_tool_results(std::span<const Token> answer, std::span<float> weights) {
  const Token returned = word_token("<ret>"), close = word_token("<ans>");
  bool inside = false;
  for (size_t i = 0; i < answer.size(); ++i) {
    if (answer[i] == close) inside = false;
    if (inside) weights[i] = 0;
    if (answer[i] == returned) inside = true;
  }
}

Example to_example(const Demonstration& d) {
  ChatTemplate::Rendered r;
  chat().append(Role::user, d.prompt, r);
  const size_t prompt = r.tokens.size();  // retrieved lines in it begin with <ret>, too
  chat().append(Role::assistant, d.answer, r);
  mask_tool_results(std::span(r.tokens).subspan(prompt), std::span(r.weights).subspan(prompt));
  return {.tokens = std::move(r.tokens), .weights = std::move(r.weights), .starts = {}};
}

Tokens chat_prompt(std::span<const Token> prompt) {
  ChatTemplate::Rendered r;
  chat().append(Role::user, prompt, r);
  return joined({r.tokens, chat().opening(Role::assistant)});
}

Document to_document(const Demonstration& d) {
  DocumentWriter out(DocumentType::instruction);
  const Example example = to_example(d);
  const TokenTag tag{family_info(d.family).ability, true};
  for (size_t i = 0; i < example.tokens.size(); ++i)
    out.token(example.tokens[i], example.weights[i] > 0 ? tag : TokenTag{});
  return out.finish();
}

}  // namespace lineage
