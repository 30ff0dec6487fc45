#include "lineage/serve/wire.h"

#include <fmt/format.h>

#include <algorithm>

#include "lineage/text/unicode.h"

namespace lineage {
namespace {

// The text of a token in a dictionary or a list of a completion's log-probabilities.
std::string token_text(const Tokenizer& tokenizer, Token previous, Token token) {
  const std::string bytes = piece_of(tokenizer, previous, token);
  if (valid_utf8(bytes) == bytes) return bytes;
  std::string text = "bytes:";
  for (const char c : bytes) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return text;
}

OrderedJson chat_token(const Tokenizer& tokenizer, Token previous, Token token, float log_prob) {
  const std::string bytes = piece_of(tokenizer, previous, token);
  OrderedJson out = {{"token", valid_utf8(bytes)}, {"logprob", shown_log_prob(log_prob)}};
  if (tokenizer.is_special(token)) {
    out["bytes"] = nullptr;
  } else {
    OrderedJson list = OrderedJson::array();
    for (const char c : bytes) list.push_back(static_cast<unsigned char>(c));
    out["bytes"] = std::move(list);
  }
  return out;
}

}  // namespace

OrderedJson head_json(const AnswerHead& h) {
  return {{"id", h.id},
          {"object", h.object},
          {"created", h.created},
          {"model", h.model},
          {"system_fingerprint", h.fingerprint}};
}

OrderedJson usage_json(const Usage& u) {
  return {{"prompt_tokens", u.prompt},
          {"completion_tokens", u.completion},
          {"total_tokens", u.prompt + u.completion}};
}

double shown_log_prob(float x) { return std::max(-9999.0, static_cast<double>(x)); }

OrderedJson completion_logprobs(const Tokenizer& tokenizer, const std::vector<TokenEntry>& entries,
                                int64_t most) {
  OrderedJson tokens = OrderedJson::array(), log_probs = OrderedJson::array(),
              tops = OrderedJson::array(), offsets = OrderedJson::array();
  for (const TokenEntry& e : entries) {
    const std::string text = token_text(tokenizer, e.previous, e.token);
    tokens.push_back(text);
    offsets.push_back(e.offset);
    if (!e.log_prob) {
      log_probs.push_back(nullptr), tops.push_back(nullptr);
      continue;
    }
    log_probs.push_back(shown_log_prob(*e.log_prob));
    OrderedJson top = OrderedJson::object();
    for (int64_t i = 0; i < std::min<int64_t>(most, std::ssize(e.top)); ++i)
      top.emplace(token_text(tokenizer, e.previous, e.top[static_cast<size_t>(i)].token),
                  shown_log_prob(e.top[static_cast<size_t>(i)].log_prob));
    top.emplace(text, shown_log_prob(*e.log_prob));
    tops.push_back(std::move(top));
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(log_probs)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

OrderedJson chat_logprobs(const Tokenizer& tokenizer, const std::vector<TokenEntry>& entries,
                          int64_t most) {
  OrderedJson content = OrderedJson::array();
  for (const TokenEntry& e : entries) {
    OrderedJson token = chat_token(tokenizer, e.previous, e.token, e.log_prob.value_or(0));
    OrderedJson top = OrderedJson::array();
    for (int64_t i = 0; i < std::min<int64_t>(most, std::ssize(e.top)); ++i) {
      const TokenProb& t = e.top[static_cast<size_t>(i)];
      top.push_back(chat_token(tokenizer, e.previous, t.token, t.log_prob));
    }
    token["top_logprobs"] = std::move(top);
    content.push_back(std::move(token));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

std::string sse(const std::string& data) { return "data: " + data + "\n\n"; }

}  // namespace lineage
