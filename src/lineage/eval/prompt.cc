#include "lineage/eval/prompt.h"

#include <algorithm>

#include "lineage/eval/answer.h"
#include "lineage/text/chat.h"

namespace lineage {
namespace {

using Template = PromptSpec::Template;

// Adjacent text is encoded together: BPE joins across the borders of our pieces.
class Builder {
 public:
  explicit Builder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  Builder& text(std::string_view text) {
    text_ += text;
    return *this;
  }
  Builder& part(const Part& part) {
    return part.tokens.empty() ? text(part.text) : tokens(part.tokens);
  }
  Builder& tokens(std::span<const Token> tokens) {
    flush();
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    return *this;
  }
  std::vector<Token> take() {
    flush();
    return std::move(tokens_);
  }

 private:
  void flush() {
    tokenizer_.encode_append(text_, tokens_);
    text_.clear();
  }
  const Tokenizer& tokenizer_;
  std::string text_;
  std::vector<Token> tokens_;
};

class Renderer {
 public:
  Renderer(const PromptSpec& p, Template t, const Tokenizer& tokenizer)
      : p_(p), chat_(t == Template::chat), tokenizer_(tokenizer), turns_(tokenizer) {}

  std::vector<Token> context(const Part& preamble, const Part& question,
                             std::span<const FewShotExample> examples) const {
    return chat_ ? as_chat(preamble, question, examples) : as_text(preamble, question, examples);
  }
  std::vector<Token> continuation(const Part& chain, const Part& reply) const {
    Builder b(tokenizer_);
    if (chained()) b.part(chain).text(p_.chain_end);
    answer(b, reply);
    return b.take();
  }

 private:
  bool chained() const { return p_.reasoning == PromptSpec::Reasoning::chain; }

  std::vector<Token> as_text(const Part& preamble, const Part& question,
                             std::span<const FewShotExample> examples) const {
    Builder b(tokenizer_);
    b.tokens(tokenizer_.begin_of_text());
    b.part(p_.raw_opening).part(p_.instructions).part(preamble);
    for (const FewShotExample& e : examples) {
      b.text(p_.before_question).part(e.question).text(p_.before_answer);
      worked_answer(b, e);
      b.text(p_.after_answer);
    }
    b.text(p_.before_question).part(question).text(question.empty() ? "" : p_.before_answer);
    if (chained()) b.text(p_.chain_lead);
    return b.take();
  }

  std::vector<Token> as_chat(const Part& preamble, const Part& question,
                             std::span<const FewShotExample> examples) const {
    ChatTemplate::Rendered chat;
    const auto turn = [&](Role role, const auto& write) {
      Builder b(tokenizer_);
      write(b);
      turns_.append(role, b.take(), chat);
    };
    if (!p_.instructions.empty() || !preamble.empty())
      turn(Role::system, [&](Builder& b) { b.part(p_.instructions).part(preamble); });
    for (const FewShotExample& e : examples) {
      turn(Role::user, [&](Builder& b) { b.part(e.question); });
      turn(Role::assistant, [&](Builder& b) { worked_answer(b, e); });
    }
    turn(Role::user, [&](Builder& b) { b.part(question); });
    Builder b(tokenizer_);
    b.tokens(chat.tokens).tokens(turns_.opening(Role::assistant));
    if (chained()) b.text(p_.chain_lead);
    return b.take();
  }

  void worked_answer(Builder& b, const FewShotExample& e) const {
    if (chained()) b.text(p_.chain_lead).part(e.chain).text(p_.chain_end);
    answer(b, e.answer);
    if (!chat_ && !closes_with(shown(e.answer, tokenizer_), p_.raw_closing)) b.text(p_.raw_closing);
  }
  void answer(Builder& b, const Part& reply) const {
    if (reply.tokens.empty() && !(chat_ && !chained())) b.text(p_.answer_lead);
    b.part(reply);
  }

  const PromptSpec& p_;
  bool chat_;
  const Tokenizer& tokenizer_;
  ChatTemplate turns_;
};

// A document's first token is predicted by nothing; where all choices begin with the same one, it
// serves as the context.
void share_first_token(std::vector<ScoreRequest>& choices) {
  for (const ScoreRequest& c : choices)
    if (!c.context.empty() || c.continuation.size() < 2 ||
        c.continuation[0] != choices[0].continuation[0])
      return;
  for (ScoreRequest& c : choices) {
    c.context = {c.continuation[0]};
    c.continuation.erase(c.continuation.begin());
  }
}

// Cuts the left end of `tokens` to `room`; false when that leaves nothing of it.
bool cut(std::vector<Token>& tokens, int64_t room, bool& truncated) {
  const auto size = static_cast<int64_t>(tokens.size());
  if (size <= room) return true;
  if (room < 1) return false;
  tokens.erase(tokens.begin(), tokens.end() - room);
  return truncated = true;
}

Prompt render_with(const Instance& item, std::span<const FewShotExample> examples,
                   const PromptSpec& p, const Renderer& renderer, const Tokenizer& tokenizer) {
  Prompt prompt;
  if (item.contexts.empty())
    prompt.context = renderer.context(item.preamble, item.question, examples);
  const auto add = [&](std::vector<Token> context, const Part& answer) {
    prompt.choices.push_back({std::move(context), renderer.continuation(item.chain, answer)});
    prompt.bytes.push_back(static_cast<double>(shown(answer, tokenizer).size()));
  };
  for (const Part& context : item.contexts)
    add(renderer.context(item.preamble, context, examples), item.answers[0]);
  if (item.contexts.empty())
    for (const Part& answer : item.answers) {
      add(prompt.context, answer);
      if (p.method != PromptSpec::Method::choose) break;
    }
  if (p.reasoning == PromptSpec::Reasoning::chain && !prompt.choices.empty()) {
    const size_t answer =
        renderer.continuation({}, item.answers[0]).size() - renderer.continuation({}, {}).size();
    const size_t all = prompt.choices[0].continuation.size();
    prompt.chain_tokens = all - std::min(all, answer);
  }
  share_first_token(prompt.choices);
  return prompt;
}

}  // namespace

std::string shown(const Part& part, const Tokenizer& tokenizer) {
  return part.text.empty() ? tokenizer.decode(part.tokens) : part.text;
}

Prompt render(const Instance& item, std::span<const FewShotExample> examples, const PromptSpec& p,
              Template t, const Tokenizer& tokenizer, int64_t context) {
  const Renderer renderer(p, t, tokenizer);
  if (!item.examples.empty()) examples = item.examples;
  examples = examples.last(std::min(examples.size(), static_cast<size_t>(p.shots)));
  const bool generates = p.method == PromptSpec::Method::generate;
  // The last token scored is never read, hence one more than the context.
  const auto room = [&](const Prompt& prompt) {
    const bool as_reference = p.length == PromptSpec::Length::reference;
    int64_t answer = generates && !as_reference ? p.sampling.max_tokens + 1 : 0;
    for (const ScoreRequest& c : prompt.choices)
      answer =
          std::max(answer, static_cast<int64_t>(c.continuation.size()) + (as_reference ? 1 : 0));
    return context + 1 - answer;
  };
  const auto too_long = [&](const Prompt& prompt) {
    size_t longest = prompt.context.size();
    for (const ScoreRequest& c : prompt.choices) longest = std::max(longest, c.context.size());
    return static_cast<int64_t>(longest) > room(prompt);
  };
  Prompt prompt = render_with(item, examples, p, renderer, tokenizer);
  bool dropped = false;
  while (!examples.empty() && too_long(prompt)) {
    examples = examples.subspan(1), dropped = true;
    prompt = render_with(item, examples, p, renderer, tokenizer);
  }
  prompt.truncated = dropped;
  const int64_t tokens = room(prompt);
  prompt.fits = tokens >= 1 && (!generates || cut(prompt.context, tokens, prompt.truncated));
  for (ScoreRequest& c : prompt.choices) cut(c.context, tokens, prompt.truncated);
  return prompt;
}

}  // namespace lineage
