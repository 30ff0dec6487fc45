#include <gtest/gtest.h>

#include <cmath>

#include "lineage/world/grammar.h"
#include "lineage/world/text/generators.h"
#include "lineage/world/text/story_reader.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

const World& world() {
  static const World w{WorldConfig{}};
  return w;
}

// The generator is the oracle: the reader accepts its sentences and rejects its broken ones.
TEST(GrammarReader, ReadsWhatIsWrittenAndNothingBroken) {
  for (int p = 0; p < kPhenomena; ++p)
    for (uint64_t i = 0; i < 400; ++i) {
      Draw draw(Rng(7).fold(static_cast<uint64_t>(p)).fold(i));
      const auto phenomenon = static_cast<Phenomenon>(p);
      const auto use = i % 2 ? SentenceUse::test : SentenceUse::training;
      const MinimalPair pair = minimal_pair(phenomenon, use, draw);
      EXPECT_TRUE(is_sentence(pair.good)) << tokens_to_words(pair.good);
      EXPECT_FALSE(is_sentence(pair.bad)) << tokens_to_words(pair.bad);
      std::vector<Token> cut(pair.good.begin(), pair.good.end() - 1);
      EXPECT_FALSE(is_sentence(cut)) << "without its full stop";
      cut = pair.good;
      cut.push_back(cut.back());
      EXPECT_FALSE(is_sentence(cut)) << "with two";
    }
  EXPECT_FALSE(is_sentence({}));
}

TEST(GrammarReader, ByHand) {
  const auto reads = [](std::string_view text) { return is_sentence(words_to_tokens(text)); };
  EXPECT_TRUE(reads("the old boys with the girl at the kings run ."));
  EXPECT_FALSE(reads("the old boys with the girl at the kings runs ."));
  EXPECT_TRUE(reads("the child likes herself ."));  // a child may be either
  EXPECT_FALSE(reads("the boys like himself ."));
  EXPECT_FALSE(reads("the house runs ."));  // no person
  EXPECT_FALSE(reads("winter winter ."));
}

TEST(StoryReader, EveryStoryOfTheCorpusIsDerivedAndFitsItsCast) {
  const TextContext context(world());
  for (uint64_t i = 0; i < 300; ++i) {
    for (const Document& d :
         {event_story(context, Rng(3).fold(i)), box_story(context, Rng(4).fold(i))}) {
      const std::span<const Token> text(d.tokens.data(), d.tokens.size() - 1);
      const StoryReport r = read_story({}, text);
      EXPECT_GT(r.sentences, 0);
      EXPECT_EQ(r.derived, r.sentences) << tokens_to_words(text);
      EXPECT_EQ(r.fitting_mentions, r.mentions) << tokens_to_words(text);
    }
  }
}

TEST(StoryReader, HandCounted) {
  const auto read = [](std::string_view opening, std::string_view text) {
    return read_story(words_to_tokens(opening), words_to_tokens(text));
  };
  // mira is a woman's name (one of the first 32), who wants a lamp.
  const StoryReport r = read("mira volk went to the mill . mira wanted a lamp .",
                             "but the lamp was lost . he was sad lamp . mira was happy . "
                             "mira was happy . so he was sad . the boy run . the girl");
  EXPECT_EQ(r.sentences, 6);  // the broken-off one is left out
  EXPECT_EQ(r.derived, 4);    // not the second, not "the boy run"
  EXPECT_EQ(r.seen_before, 1);
  EXPECT_EQ(r.mentions, 4);          // lamp, mira, mira, he
  EXPECT_EQ(r.fitting_mentions, 3);  // not "he"
  EXPECT_NEAR(r.grammatical(), 4.0 / 6, 1e-12);
  EXPECT_NEAR(r.consistent(), 0.75, 1e-12);
  EXPECT_NEAR(r.repeated(), 1.0 / 6, 1e-12);
  EXPECT_EQ(read("", "the boy").sentences, 1);  // alone it counts, as none
  EXPECT_EQ(read("", "the boy").grammatical(), 0);
  EXPECT_EQ(read("", "").grammatical(), 0);
  EXPECT_TRUE(std::isnan(read("", "").consistent()));
}

}  // namespace
}  // namespace lineage
