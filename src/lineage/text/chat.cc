#include "lineage/text/chat.h"

#include "lineage/base/enum_index.h"

namespace lineage {
namespace {

constexpr std::array<Special, 3> kRoleTokens = {Special::system, Special::user, Special::assistant};
constexpr std::array<std::string_view, 3> kRoleWords = {"System: ", "User: ", "Assistant: "};

}  // namespace

ChatTemplate::ChatTemplate(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {
  special_ = tokenizer.find_special(Special::end_of_turn).has_value();
  for (Special s : kRoleTokens) special_ = special_ && tokenizer.find_special(s);
  for (size_t role = 0; role < kRoleTokens.size(); ++role) {
    if (special_) {
      opening_[role] = {tokenizer.special(kRoleTokens[role])};
      closing_[role] = {tokenizer.special(Special::end_of_turn)};
    } else {
      opening_[role] = tokenizer.encode(kRoleWords[role]);
      closing_[role] = role == static_cast<size_t>(Role::assistant)
                           ? std::vector{tokenizer.special(Special::end_of_text)}
                           : tokenizer.encode("\n\n");
    }
  }
}

void ChatTemplate::append(Role role, std::span<const Token> text, Rendered& out,
                          bool learned) const {
  const auto add = [&](std::span<const Token> tokens, float w) {
    out.tokens.insert(out.tokens.end(), tokens.begin(), tokens.end());
    out.weights.resize(out.tokens.size(), w);
  };
  const float weight = role == Role::assistant && learned ? 1.0f : 0.0f;
  add(opening(role), 0);
  add(text, weight);
  add(closing_[enum_index(role)], weight);
}

ChatTemplate::Rendered ChatTemplate::render(std::span<const Turn> turns) const {
  Rendered out;
  for (const Turn& turn : turns)
    append(turn.role, tokenizer_->encode(turn.text), out, turn.learned);
  return out;
}

std::vector<Token> ChatTemplate::prompt(std::span<const Turn> turns) const {
  std::vector<Token> tokens = render(turns).tokens;
  const std::vector<Token>& next = opening(Role::assistant);
  tokens.insert(tokens.end(), next.begin(), next.end());
  return tokens;
}

std::optional<std::string> ChatTemplate::jinja() const {
  if (!special_) return {};
  const auto quoted = [&](const std::vector<Token>& tokens) {
    std::string out = "'";
    for (char c : tokenizer_->decode(tokens))
      out += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
    return out + "'";
  };
  std::string out = "{% for message in messages %}";
  for (size_t role = 0; role < opening_.size(); ++role)
    out += std::string(role == 0 ? "{% if" : "{% elif") + " message['role'] == '" +
           std::string(enum_names(Role{})[role]) + "' %}{{ " + quoted(opening_[role]) +
           " + message['content'] + " + quoted(closing_[role]) + " }}";
  return out +
         "{% else %}{{ raise_exception('wanted the role system, user or assistant; got ' + "
         "message['role']) }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ " +
         quoted(opening(Role::assistant)) + " }}{% endif %}";
}

std::vector<std::string> chat_specials() {
  std::vector<std::string> texts;
  for (Special s : {Special::end_of_text, Special::system, Special::user, Special::assistant,
                    Special::end_of_turn})
    texts.emplace_back(special_texts(s)[0]);
  return texts;
}

}  // namespace lineage
