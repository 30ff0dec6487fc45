#include "lineage/world/grammar.h"

#include <gtest/gtest.h>

#include <set>

namespace lineage {
namespace {

TEST(Grammar, PairsDifferInOnePlaceAndKeepTheirUses) {
  std::set<std::vector<Token>> training, test;
  for (int p = 0; p < kPhenomena; ++p) {
    Draw draw(Rng(7).fold(static_cast<uint64_t>(p)));
    for (int i = 0; i < 300; ++i) {
      const SentenceUse use = i % 2 ? SentenceUse::training : SentenceUse::test;
      const MinimalPair pair = minimal_pair(static_cast<Phenomenon>(p), use, draw);
      ASSERT_EQ(pair.good.size(), pair.bad.size());
      int differences = 0;
      for (size_t t = 0; t < pair.good.size(); ++t) differences += pair.good[t] != pair.bad[t];
      EXPECT_EQ(differences, 1) << phenomenon_name(static_cast<Phenomenon>(p));
      EXPECT_NE(pair.good[pair.critical], pair.bad[pair.critical]);
      (i % 2 ? training : test).insert(pair.good);
    }
  }
  for (const auto& sentence : test) EXPECT_FALSE(training.contains(sentence));
}

// Checks the phenomena's names against the words by an independent rule.
TEST(Grammar, VerbsAgreeWithTheHeadAndNotWithTheAttractor) {
  const Vocabulary& v = Vocabulary::get();
  const auto in = [&](std::string_view block, Token t) {
    const auto tokens = v.tokens(block);
    return std::find(tokens.begin(), tokens.end(), t) != tokens.end();
  };
  for (Phenomenon p : {Phenomenon::agreement, Phenomenon::agreement_one_attractor,
                       Phenomenon::agreement_two_attractors, Phenomenon::agreement_subject_relative,
                       Phenomenon::agreement_object_relative}) {
    Draw draw(Rng(3).fold(static_cast<uint64_t>(p)));
    for (int i = 0; i < 200; ++i) {
      const MinimalPair pair = minimal_pair(p, SentenceUse::training, draw);
      bool plural = false, other = false;
      size_t at = 0;
      while (!in("nouns_singular", pair.good[at]) && !in("nouns_plural", pair.good[at])) ++at;
      plural = in("nouns_plural", pair.good[at]);
      for (size_t t = at + 1; t < pair.critical; ++t)
        other |= in(plural ? "nouns_singular" : "nouns_plural", pair.good[t]);
      EXPECT_EQ(in("verbs_plural", pair.good[pair.critical]), plural);
      EXPECT_EQ(in("verbs_singular", pair.bad[pair.critical]), plural);
      EXPECT_EQ(other, p != Phenomenon::agreement);
    }
  }
}

}  // namespace
}  // namespace lineage
