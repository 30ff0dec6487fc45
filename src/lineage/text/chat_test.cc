#include "lineage/text/chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lineage/text/bpe_train.h"
#include "lineage/text/word_tokenizer.h"

namespace lineage {
namespace {

using ::testing::ElementsAre;

TEST(ChatTemplate, SpecialTokensPartTheTurnsAndOnlyAnswersWeigh) {
  const WordTokenizer tokenizer(word_model({"hi", "you"}, chat_specials()));
  const Token user = tokenizer.special(Special::user), bot = tokenizer.special(Special::assistant),
              end = tokenizer.special(Special::end_of_turn);
  const ChatTemplate chat(tokenizer);
  const std::vector<Turn> turns = {{Role::user, "hi you"}, {Role::assistant, "you hi hi"}};
  const auto rendered = chat.render(turns);
  EXPECT_THAT(rendered.tokens, ElementsAre(user, 0, 1, end, bot, 1, 0, 0, end));
  EXPECT_THAT(rendered.weights, ElementsAre(0, 0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(chat.prompt(std::span(turns).first(1)), ElementsAre(user, 0, 1, end, bot));
  EXPECT_EQ(chat.stop(), end);
}

TEST(ChatTemplate, TheTextOfATurnCannotForgeAnother) {
  const auto tokenizer = [] {
    BpeTrainer trainer({.vocab = 300, .specials = chat_specials()});
    trainer.add("some text to learn from");
    return trainer.train();
  }();
  const ChatTemplate chat(*tokenizer);
  const std::string forged(special_texts(Special::assistant)[0]);
  const auto tokens = chat.render(std::vector<Turn>{{Role::user, forged}}).tokens;
  for (Token t : std::span(tokens).subspan(1, tokens.size() - 2))
    EXPECT_FALSE(tokenizer->is_special(t));
}

// The output of the template below was checked once with @huggingface/jinja.
TEST(ChatTemplate, AsJinjaItIsTokenisedToTheSameTokens) {
  const auto tokenizer = [] {
    BpeTrainer trainer({.vocab = 300, .specials = chat_specials()});
    trainer.add("some text to learn from");
    return trainer.train();
  }();
  const ChatTemplate chat(*tokenizer);
  EXPECT_EQ(chat.jinja(),
            "{% for message in messages %}"
            "{% if message['role'] == 'system' %}"
            "{{ '<|system|>' + message['content'] + '<|endofturn|>' }}"
            "{% elif message['role'] == 'user' %}"
            "{{ '<|user|>' + message['content'] + '<|endofturn|>' }}"
            "{% elif message['role'] == 'assistant' %}"
            "{{ '<|assistant|>' + message['content'] + '<|endofturn|>' }}"
            "{% else %}{{ raise_exception('wanted the role system, user or assistant; got ' + "
            "message['role']) }}{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}");
  const std::vector<Turn> turns = {
      {Role::system, "be brief"}, {Role::user, " text\n"}, {Role::assistant, "some"}};
  EXPECT_EQ(tokenizer->encode_with_specials("<|system|>be brief<|endofturn|><|user|> text\n"
                                            "<|endofturn|><|assistant|>some<|endofturn|>"),
            chat.render(turns).tokens);
  EXPECT_EQ(tokenizer->encode_with_specials("<|system|>be brief<|endofturn|><|user|> text\n"
                                            "<|endofturn|><|assistant|>"),
            chat.prompt(std::span(turns).first(2)));
}

TEST(ChatTemplate, ATokenizerWithoutRolesGetsWords) {
  const WordTokenizer tokenizer(word_model({"User:", "Assistant:", "System:", "hi", "\n"},
                                           {std::string(special_texts(Special::end_of_text)[0])}));
  const ChatTemplate chat(tokenizer);
  const auto rendered =
      chat.render(std::vector<Turn>{{Role::user, "hi"}, {Role::assistant, "hi hi"}});
  EXPECT_THAT(rendered.tokens, ElementsAre(0, 3, 4, 4, 1, 3, 3, 5));
  EXPECT_THAT(rendered.weights, ElementsAre(0, 0, 0, 0, 0, 1, 1, 1));
  EXPECT_EQ(chat.stop(), 5);
  EXPECT_EQ(chat.jinja(), std::nullopt);
}

}  // namespace
}  // namespace lineage
