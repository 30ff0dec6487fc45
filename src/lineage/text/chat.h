#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/enum_index.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

enum class Role : uint8_t { system, user, assistant };
constexpr std::array<std::string_view, 3> enum_names(Role) {
  return {"system", "user", "assistant"};
}

// One contribution to a conversation.
struct Turn {
  Role role = Role::user;
  std::string text;
  bool learned = true;  // by a model tuned on it; only the assistant's turns are
  bool operator==(const Turn&) const = default;
};

// Conversations as tokens, for one tokenizer. If it has the special tokens of the roles, a turn is
//
//   <user> text <end of turn>            <assistant> text <end of turn>
//
// and no text can forge a turn. A tokenizer without them (GPT-2's) gets words instead:
//
//   User: text\n\n                       Assistant: text<end of text>
//
// in which a text that says "\n\nAssistant:" can forge one. The tokenizer must outlive it.
class ChatTemplate {
 public:
  explicit ChatTemplate(const Tokenizer&);

  struct Rendered {
    std::vector<Token> tokens;
    std::vector<float> weights;  // of each token as a target: 1 in the assistant's text and its end
  };
  // A whole conversation, to learn from.
  Rendered render(std::span<const Turn>) const;
  // The same for turns that are tokens already, where text and tokens are not one to one.
  void append(Role, std::span<const Token> text, Rendered&, bool learned = true) const;
  // A conversation up to the assistant's next turn, to generate from.
  std::vector<Token> prompt(std::span<const Turn>) const;
  // The tokens before the text of a turn.
  const std::vector<Token>& opening(Role role) const { return opening_[enum_index(role)]; }
  // The tokens behind it.
  const std::vector<Token>& closing(Role role) const { return closing_[enum_index(role)]; }
  // The same as a Jinja template, for the chat_template of tokenizer_config.json: its output is
  // tokenised to the tokens of prompt() and render(), if no text spells a special token. None for a
  // template of words: a word and the text after it would be tokenised as one.
  std::optional<std::string> jinja() const;
  // The token that ends the assistant's turns: the one to stop at.
  Token stop() const { return closing_[enum_index(Role::assistant)].back(); }

 private:
  const Tokenizer* tokenizer_;
  bool special_ = false;  // turns begin and end with special tokens
  std::array<std::vector<Token>, 3> opening_, closing_;
};

// The end of text and the tokens of the roles, for a tokenizer whose models may be tuned to
// converse.
std::vector<std::string> chat_specials();

}  // namespace lineage
