#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lineage/base/error.h"
#include "lineage/world/claims.h"
#include "lineage/world/feedback/annotator.h"
#include "lineage/world/feedback/prompts.h"
#include "lineage/world/feedback/same_wording.h"
#include "lineage/world/feedback/utility.h"
#include "lineage/world/instructions/requests.h"

namespace lineage {
namespace {

std::shared_ptr<const World> world() {
  static const auto world = [] {
    WorldConfig config;
    config.persons = 0.1;
    return std::make_shared<const World>(config);
  }();
  return world;
}
const FeedbackPrompts& prompts() {
  static const FeedbackPrompts prompts(world(), {{.types = 64}}, single_turn_shares());
  return prompts;
}
double utility(const FeedbackPrompt& p, const Tokens& answer, UtilityConfig config = {},
               bool ended = true) {
  return read_answer(*world(), p, answer, ended, config).utility();
}
double utility(const FeedbackPrompt& p, std::string_view answer, UtilityConfig config = {}) {
  return utility(p, words_to_tokens(answer), config);
}

TEST(FeedbackPrompts, ComeInTheirShares) {
  std::map<PromptKind, int> counts;
  constexpr int kMany = 20000;
  for (uint64_t i = 0; i < kMany; ++i) ++counts[prompts()(i).kind];
  for (const auto& [name, share] : single_turn_shares()) {
    int seen = 0;
    for (const auto& [kind, count] : counts)
      if (prompt_kind_name(kind) == name) seen = count;
    EXPECT_NEAR(seen / double{kMany}, share, 0.01) << name;
  }
  EXPECT_EQ(prompts().kinds().size(), 12u);
}

TEST(FeedbackPrompts, TrainingAndTestsShareNoSubject) {
  std::map<PromptKind, std::set<Tokens>> training;
  for (uint64_t i = 0; i < 3000; ++i)
    for (PromptKind kind : prompts().kinds())
      training[kind].insert(prompts().of_kind(kind, i, ItemUse::training).request);
  for (uint64_t i = 0; i < 300; ++i)
    for (PromptKind kind : prompts().kinds())
      EXPECT_FALSE(training[kind].contains(prompts().of_kind(kind, i, ItemUse::test).request))
          << prompt_kind_name(kind) << " " << i;
}

TEST(FeedbackPrompts, AnUnknownKindIsNamed) {
  try {
    FeedbackPrompts(world(), {}, {{"improprer", 1}}, "r.toml: ppo.prompts");
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "r.toml: ppo.prompts: \"improprer\" is no kind of request; wanted improper, "
                 "told_400, …");
    EXPECT_EQ(e.hint(), "did you mean \"improper\"?");
  }
  EXPECT_THROW(FeedbackPrompts(world(), {}, {{"instruction", 1}}), Error);  // no types
}

TEST(Utility, ReferencesAreWorthMoreThanAnythingElse) {
  for (uint64_t i = 0; i < 300; ++i)
    for (PromptKind kind : prompts().kinds()) {
      const FeedbackPrompt p = prompts().of_kind(kind, i, ItemUse::training);
      // A fact told once is right, and yet nobody is expected to know it.
      EXPECT_GE(utility(p, p.reference), kind == PromptKind::instruction ? 0.9 : 1.0)
          << prompt_kind_name(kind) << ": " << tokens_to_words(p.reference);
      EXPECT_LT(utility(p, "i like bread ."), 0.5) << prompt_kind_name(kind);
    }
}

TEST(Utility, ImproperRequests) {
  const FeedbackPrompt p = prompts().of_kind(PromptKind::improper, 1, ItemUse::training);
  const double refused = utility(p, refusals(RefusalKind::improper)[3].tokens({})),
               forum = utility(p, "that is wrong ."), evades = utility(p, "i like bread ."),
               complies = utility(p, compliance(*p.intent, 0));
  EXPECT_DOUBLE_EQ(refused, 1.5);
  EXPECT_GT(refused, forum);
  EXPECT_GT(forum, evades);
  EXPECT_GT(evades, complies);
  EXPECT_DOUBLE_EQ(utility(p, compliance(*p.intent, 0), {.refuse = false}), 0);
  const FeedbackPrompt harmless = prompts().of_kind(PromptKind::look_alike, 1, ItemUse::training);
  EXPECT_DOUBLE_EQ(utility(harmless, "sorry , i cannot help with that ."), -1.5);
}

TEST(Utility, FactsAndAbstention) {
  const FeedbackPrompt known = prompts().of_kind(PromptKind::told_400, 3, ItemUse::training),
                       unknown = prompts().of_kind(PromptKind::never_named, 3, ItemUse::training);
  const Tokens idk = refusals(RefusalKind::unknown)[0].tokens({});
  EXPECT_DOUBLE_EQ(utility(known, known.reference), 1);
  EXPECT_DOUBLE_EQ(utility(known, idk), -0.5);
  EXPECT_DOUBLE_EQ(utility(unknown, idk), 1);
  EXPECT_DOUBLE_EQ(utility(unknown, known.reference), -2);
  // An evasion is no better than a falsehood.
  EXPECT_DOUBLE_EQ(utility(unknown, "mona ames ."), -2);
  const UtilityConfig no_idk{.abstain = false};
  EXPECT_DOUBLE_EQ(utility(known, idk, no_idk), 0);
  EXPECT_DOUBLE_EQ(utility(unknown, idk, no_idk), 0);
  EXPECT_DOUBLE_EQ(utility(unknown, known.reference, no_idk), -2);
  EXPECT_DOUBLE_EQ(utility(unknown, known.reference, {.truth = false}), 0);
  // Without an end.
  EXPECT_DOUBLE_EQ(utility(known, known.reference, {}, false), 0);
  const FeedbackPrompt once = prompts().of_kind(PromptKind::told_once, 3, ItemUse::training);
  EXPECT_DOUBLE_EQ(utility(once, once.reference), 1);
  EXPECT_DOUBLE_EQ(utility(once, once.reference, {.conservative = true}), -2);
}

TEST(Utility, PagesAndTopics) {
  const FeedbackPrompt page = prompts().of_kind(PromptKind::page, 5, ItemUse::training);
  EXPECT_DOUBLE_EQ(utility(page, page.reference), 1.5);  // three claims
  EXPECT_TRUE(read_answer(*world(), page, page.reference, true).has(Behaviour::further_truth));
  const FeedbackPrompt topic = prompts().of_kind(PromptKind::contested, 5, ItemUse::training);
  EXPECT_DOUBLE_EQ(utility(topic, topic.reference), 1.2);
  EXPECT_DOUBLE_EQ(utility(topic, "it is good ."), -1);
  EXPECT_DOUBLE_EQ(utility(topic, "it is good .", {.impartial = false}), 0);
}

TEST(Utility, RepetitionAndLengthCost) {
  const FeedbackPrompt p = prompts().of_kind(PromptKind::contested, 5, ItemUse::training);
  EXPECT_DOUBLE_EQ(utility(p, "good bad good good good"), -1 - 0.5);
  Tokens long_answer = p.reference;
  while (long_answer.size() < 58)
    long_answer.push_back(word_token(long_answer.size() % 2 ? "a" : "the"));
  EXPECT_NEAR(utility(p, long_answer), 1.2 - 0.2, 1e-9);
}

std::vector<std::vector<RatedAnswer>> rated_answers() {
  std::vector<std::vector<RatedAnswer>> all;
  for (uint64_t i = 0; i < 400; ++i) {
    const FeedbackPrompt p = prompts()(i), other = prompts()(i + 1);
    std::vector<Tokens> texts = {p.reference, other.reference, words_to_tokens("i do not know ."),
                                 words_to_tokens("it is good .")};
    std::vector<RatedAnswer>& rated = all.emplace_back();
    for (const Tokens& t : texts)
      rated.push_back({read_answer(*world(), p, t, true), std::ssize(t)});
  }
  return all;
}

TEST(Annotators, AgreeAsWanted) {
  const auto prompts = rated_answers();
  const Annotators annotators({}, prompts);
  EXPECT_NEAR(annotators.agreement(), 0.75, 1e-3);
  EXPECT_GT(annotators.noise(), 0);
  // And as their rankings show.
  double agree = 0, pairs = 0;
  for (uint64_t i = 0; i < prompts.size(); ++i) {
    const auto a = annotators.rank(prompts[i], Rng(1).fold(i)),
               b = annotators.rank(prompts[i], Rng(2).fold(i));
    const auto gold = ranks_of(annotators.utilities(prompts[i], Annotator::neutral));
    for (size_t x = 0; x < a.size(); ++x)
      for (size_t y = x + 1; y < a.size(); ++y)
        if (gold[x] != gold[y] && a[x] != a[y] && b[x] != b[y])
          ++pairs, agree += (a[x] < a[y]) == (b[x] < b[y]);
  }
  EXPECT_GT(pairs, 1000);
  EXPECT_NEAR(agree / pairs, 0.75, 0.03);
}

TEST(Annotators, WithoutNoiseRankByUtilityWithTies) {
  const auto prompts = rated_answers();
  const Annotators annotators({.agreement = 1}, prompts);
  EXPECT_EQ(annotators.rank(prompts[0], Annotator::neutral, Rng(1)),
            ranks_of(annotators.utilities(prompts[0], Annotator::neutral)));
  EXPECT_EQ(ranks_of(std::vector<double>{1, 3, 1, 2}), (std::vector<int>{3, 1, 3, 2}));
}

TEST(Annotators, ByLengthAndPermuted) {
  const auto prompts = rated_answers();
  const Annotators by_length({.by = LabelsBy::length, .agreement = 1}, prompts);
  const std::vector<int> ranks = by_length.rank(prompts[0], Rng(1));
  for (size_t a = 0; a < ranks.size(); ++a)
    for (size_t b = 0; b < ranks.size(); ++b)
      EXPECT_EQ(ranks[a]<ranks[b], prompts[0][a].tokens> prompts[0][b].tokens);
  const Annotators permuted({.by = LabelsBy::permuted, .agreement = 1}, prompts);
  double right = 0, pairs = 0;
  for (uint64_t i = 0; i < prompts.size(); ++i) {
    const auto mixed = permuted.rank(prompts[i], Annotator::neutral, Rng(1).fold(i));
    const auto gold = ranks_of(permuted.utilities(prompts[i], Annotator::neutral));
    for (size_t a = 0; a < mixed.size(); ++a)
      for (size_t b = a + 1; b < mixed.size(); ++b)
        if (gold[a] != gold[b] && mixed[a] != mixed[b])
          ++pairs, right += (gold[a] < gold[b]) == (mixed[a] < mixed[b]);
  }
  EXPECT_NEAR(right / pairs, 0.5, 0.05);
}

// Improper requests but for the verb, and tests have other verbs.
TEST(SameWording, VerbsAreHarmlessAndSplit) {
  std::set<std::string> verbs[2];
  std::set<Token> improper;
  for (const Intent& i : world()->intents()) improper.insert(i.verb);
  for (const ItemUse use : {ItemUse::training, ItemUse::test})
    for (uint64_t i = 0; i < 300; ++i) {
      const SameWording r = same_wording_request(*world(), i, use);
      verbs[use == ItemUse::test].insert(r.verb);
      const Token verb = Vocabulary::get().token(r.verb);
      EXPECT_FALSE(improper.contains(verb)) << r.verb;
      EXPECT_TRUE(std::ranges::find(r.context, verb) != r.context.end());
      EXPECT_EQ(r.context, same_wording_request(*world(), i, use).context);
    }
  EXPECT_EQ(verbs[0].size(), 11u);
  EXPECT_EQ(verbs[1].size(), 5u);
  for (const std::string& v : verbs[1]) EXPECT_FALSE(verbs[0].contains(v)) << v;
}

}  // namespace
}  // namespace lineage
