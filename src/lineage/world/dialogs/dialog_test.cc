#include "lineage/world/dialogs/dialog.h"

#include <gtest/gtest.h>

#include <set>

#include "lineage/world/claims.h"

namespace lineage {
namespace {

const World& world() {
  static const World w(WorldConfig{});
  return w;
}

std::string shown(const Dialog& d) { return tokens_to_words(to_example(d).tokens); }

TEST(Dialog, HasThreeToEightTurnsAndFits) {
  for (int t = 0; t < kDialogTypes; ++t)
    for (int lag = 0; lag <= 6; ++lag)
      for (uint64_t i : {uint64_t{1}, uint64_t{2}, kFirstProbe + 1}) {
        const Dialog d = make_dialog(world(), static_cast<DialogType>(t), lag, "test", i);
        EXPECT_GE(d.turns.size(), 3u) << shown(d);
        EXPECT_LE(d.turns.size(), 8u) << shown(d);
        EXPECT_LE(to_example(d).tokens.size(), 250u);
        EXPECT_LT(d.asked, d.turns.size());
        EXPECT_FALSE(d.turns[d.asked].bot.empty());
        EXPECT_EQ(d.test_only, i >= kFirstProbe);
        for (const Tokens& t2 : d.temptations) EXPECT_NE(t2, d.turns[d.asked].bot) << shown(d);
        EXPECT_EQ(shown(d),
                  shown(make_dialog(world(), static_cast<DialogType>(t), lag, "test", i)));
      }
}

TEST(Dialog, MemoryIsAskedAfterItsLag) {
  for (int lag = 1; lag <= 6; ++lag) {
    const Dialog d = make_dialog(world(), DialogType::memory, lag, "test", 4);
    const Tokens& said = d.turns[d.asked - static_cast<size_t>(lag)].user;
    const Token value = d.turns[d.asked].bot.at(0);
    EXPECT_NE(std::find(said.begin(), said.end(), value), said.end()) << shown(d);
  }
}

TEST(Dialog, CorrectionHoldsTheLaterValue) {
  for (uint64_t i = 0; i < 50; ++i) {
    const Dialog d = make_dialog(world(), DialogType::correction, 2, "test", i);
    EXPECT_NE(d.temptations.at(0), d.turns[d.asked].bot);
  }
}

TEST(Dialog, RefusalThenHelp) {
  for (uint64_t i = 0; i < 50; ++i) {
    const Dialog d = make_dialog(world(), DialogType::refusal, 1, "test", i);
    EXPECT_EQ(find_refusal(d.turns[d.asked - 1].bot), RefusalKind::improper) << shown(d);
    EXPECT_FALSE(find_refusal(d.turns[d.asked].bot)) << shown(d);
  }
}

TEST(Dialog, NobodyOfTheHHalf) {
  for (uint64_t i = 0; i < 300; ++i) {
    const Dialog d = make_dialog(world(), "test", i);
    for (const DialogTurn& turn : d.turns)
      for (size_t at = 0; at < turn.user.size(); ++at)
        if (const auto [name, n] = find_member(Domain::person, std::span(turn.user).subspan(at));
            n > 0 && d.type != DialogType::counterfactual) {
          EXPECT_TRUE(world().find_person(name) && world().find_person(name)->questioned)
              << shown(d);
        }
  }
}

TEST(Dialog, WeightsAreOnTheBotAlone) {
  const Dialog d = make_dialog(world(), "test", 9);
  const Example e = to_example(d);
  bool bot = false;
  size_t replies = 0;
  for (size_t i = 0; i < e.tokens.size(); ++i) {
    EXPECT_EQ(e.weights[i], bot ? 1 : 0) << i;
    if (e.tokens[i] == word_token("<bot>")) bot = true, ++replies;
    if (e.tokens[i] == word_token("<eot>")) bot = false;
  }
  EXPECT_EQ(replies, d.turns.size());
  EXPECT_EQ(to_document(d).tokens.size(), e.tokens.size() + 1);
}

TEST(Dialog, PromptsEndWhereTheBotSpeaks) {
  const Dialog d = make_dialog(world(), DialogType::memory, 2, "test", 1);
  const Tokens prompt = dialog_prompt(d, d.asked);
  EXPECT_EQ(prompt.back(), word_token("<bot>"));
  const Tokens all = to_example(d).tokens;
  EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), all.begin()));
  const Tokens question = dialog_question(d, d.asked);
  EXPECT_TRUE(std::equal(question.begin(), question.end(), prompt.begin() + 1));
  EXPECT_EQ(dialog_question(d, 0), d.turns[0].user);
  EXPECT_EQ(flat_prompt(d, d.asked).back(), word_token(":"));
}

TEST(Dialog, DialogsOfAStreamDiffer) {
  const World world{WorldConfig{}};
  std::set<std::vector<Token>> seen;
  for (uint64_t i = 0; i < 100; ++i)
    seen.insert(to_example(make_dialog(world, "dialogs", i)).tokens);
  EXPECT_GT(seen.size(), 98u);
}

}  // namespace
}  // namespace lineage
