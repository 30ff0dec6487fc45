#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lineage/world/problems/chain.h"
#include "lineage/world/problems/gathering.h"
#include "lineage/world/problems/long_sum.h"

namespace lineage {
namespace {

const World& world() {
  static const World w(WorldConfig{});
  return w;
}

int most_steps(ProblemFamily family) {
  return family == ProblemFamily::quantity ? 6 : family == ProblemFamily::hop ? 3 : 8;
}

std::vector<ProblemSpec> all_specs() {
  std::vector<ProblemSpec> specs;
  for (ProblemFamily family : kProblemFamilies)
    for (int k = family == ProblemFamily::hop ? 2 : 1; k <= most_steps(family); ++k)
      for (int level = 1; level <= (family == ProblemFamily::quantity ? 2 : 1); ++level)
        specs.push_back({family, k, level});
  return specs;
}

TEST(Problem, ReadsAsMeant) {
  const Problem q = make_problem(world(), {ProblemFamily::quantity, 2, 1}, "test", 3);
  const Problem h = make_problem(world(), {ProblemFamily::hop, 2, 1}, "test", 3);
  const Problem s = make_problem(world(), {ProblemFamily::state, 2, 1}, "test", 3);
  for (const Problem& p : {q, h, s})
    RecordProperty(std::string(problem_family_name(p.spec.family)),
                   tokens_to_words(problem_text(p)) + " -> " + tokens_to_words(chained_answer(p)));
  EXPECT_EQ(q.premises.size(), 3u);
  EXPECT_EQ(h.premises.size(), 0u);
  EXPECT_EQ(s.premises.size(), 5u);
}

TEST(Problem, EveryShapeHasItsStepsOnBothSidesOfTheSplit) {
  for (const ProblemSpec& spec : all_specs())
    for (uint64_t index : {uint64_t{5}, kFirstProbe + 5}) {
      const Problem p = make_problem(world(), spec, "test", index);
      EXPECT_EQ(static_cast<int>(p.chain.size()), spec.steps);
      EXPECT_EQ(p.test_only, index >= kFirstProbe);
      EXPECT_LE(problem_text(p).size() + chained_answer(p).size(), 250u);
      for (const Tokens& step : p.chain) EXPECT_EQ(step.back(), word_token("."));
      EXPECT_EQ(problem_text(p), problem_text(make_problem(world(), spec, "test", index)));
    }
}

// An independent solver: reads the words only.
int64_t solve_quantity(const Problem& p) {
  std::map<Token, int64_t> has;
  const Token more = word_token("more");
  for (size_t round = 0; round < p.premises.size(); ++round)
    for (const Tokens& s : p.premises) {
      const int64_t n = read_number(std::span(s).subspan(2, 1)).value;
      if (s.size() == 5) has[s[0]] = n;
      if (s.size() == 7 && has.count(s[5])) has[s[0]] = has[s[5]] + (s[3] == more ? n : -n);
    }
  return has.at(p.question[3]);
}

TEST(Problem, QuantityAnswersFollowFromTheWords) {
  for (int level : {1, 2})
    for (int k = 1; k <= 6; ++k)
      for (uint64_t i = 0; i < 200; ++i) {
        const Problem p = make_problem(world(), {ProblemFamily::quantity, k, level}, "test", i);
        const int64_t answer = solve_quantity(p);
        EXPECT_EQ(answer, read_number(p.answer).value) << tokens_to_words(problem_text(p));
        EXPECT_GE(answer, 0);
        EXPECT_LE(answer, level == 1 ? 20 : 99);
        EXPECT_EQ(p.premises.size() == static_cast<size_t>(k + 1), level == 1);
      }
}

TEST(Problem, HopsAreFactsOfTheWorld) {
  for (uint64_t i = 0; i < 300; ++i) {
    const Problem p = make_problem(world(), {ProblemFamily::hop, 2 + int(i % 2), 1}, "test", i);
    // Each step states a fact whose subject is the value before.
    for (size_t s = 1; s < p.chain.size(); ++s) {
      const Tokens& before = p.chain[s - 1];
      const Token value = before[before.size() - 2];
      EXPECT_NE(std::find(p.chain[s].begin(), p.chain[s].end(), value), p.chain[s].end());
    }
    // Nobody of the H-half is named where training may read it.
    for (const Tokens& step : p.chain)
      for (size_t at = 0; at < step.size(); ++at)
        if (const auto [name, n] = find_member(Domain::person, std::span(step).subspan(at));
            n > 0) {
          EXPECT_TRUE(world().find_person(name)->questioned);
          EXPECT_GE(world().find_person(name)->tier, Tier::t128);
        }
  }
}

TEST(Problem, KeysOfTestsNeverStandInTraining) {
  for (const ProblemSpec& spec : all_specs()) {
    std::set<uint64_t> training;
    std::set<Tokens> texts;
    for (uint64_t i = 0; i < 300; ++i) {
      const Problem p = make_problem(world(), spec, "test", i);
      training.insert(p.key), texts.insert(problem_text(p));
    }
    for (uint64_t i = 0; i < 100; ++i) {
      const Problem p = make_problem(world(), spec, "test", kFirstProbe + i);
      EXPECT_FALSE(training.count(p.key));
      EXPECT_FALSE(texts.count(problem_text(p)));
    }
  }
}

// Else a test's chain would be learned but for one step.
TEST(Problem, NoTwoStepsOfATestInARowAreTrained) {
  std::set<Tokens> trained;
  const auto pairs = [](const Problem& p) {
    std::vector<Tokens> all;
    for (size_t i = 0; i + 1 < p.chain.size(); ++i)
      all.push_back(joined({p.chain[i], p.chain[i + 1]}));
    return all;
  };
  for (int steps : {2, 3})
    for (uint64_t i = 0; i < 20'000; ++i)
      for (Tokens& pair : pairs(make_problem(world(), {ProblemFamily::hop, steps, 1}, "test", i)))
        trained.insert(std::move(pair));
  const Tokens of_company = words_to_tokens("the home city of the company");
  for (int steps : {2, 3})
    for (uint64_t i = 0; i < 300; ++i)
      for (const Tokens& pair :
           pairs(make_problem(world(), {ProblemFamily::hop, steps, 1}, "test", kFirstProbe + i)))
        // From a company on every person's path is the same.
        if (!std::equal(of_company.begin(), of_company.end(), pair.begin())) {
          EXPECT_FALSE(trained.count(pair)) << tokens_to_words(pair);
        }
}

TEST(Chain, GoldIsPerfect) {
  for (const ProblemSpec& spec : all_specs())
    for (uint64_t i = 0; i < 20; ++i) {
      const Problem p = make_problem(world(), spec, "test", i);
      const ChainReport r = parse_chain(p, chained_answer(p));
      EXPECT_TRUE(r.chained && r.answer_correct);
      EXPECT_EQ(r.prefix, spec.steps);
      EXPECT_EQ(r.step_accuracy(), 1);
      EXPECT_EQ(r.sums, spec.family == ProblemFamily::quantity ? spec.steps : 0);
      EXPECT_EQ(r.true_sums, r.sums);
      const ChainReport direct = parse_chain(p, direct_answer(p));
      EXPECT_TRUE(direct.answer_correct && !direct.chained);
      EXPECT_EQ(direct.steps, 0);
      EXPECT_EQ(direct.prefix, 0);
    }
}

Problem hand_made() {
  Problem p;
  p.spec = {ProblemFamily::quantity, 3, 1};
  p.chain = {words_to_tokens("ann has 7 + 5 = 12 ."), words_to_tokens("bob has 12 - 3 = 9 ."),
             words_to_tokens("tom has 9 + 1 = 10 .")};
  p.answer = words_to_tokens("10");
  return p;
}

TEST(Chain, CountsWhatIsWrong) {
  const ChainReport r = parse_chain(
      hand_made(),
      words_to_tokens("ann has 7 + 5 = 12 . bob has 12 - 3 = 8 . tom has 9 + 1 = 10 . answer 9 ."));
  EXPECT_EQ(r.steps, 3);
  EXPECT_EQ(r.correct, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(r.prefix, 1);
  EXPECT_EQ(r.sums, 3);
  EXPECT_EQ(r.true_sums, 2);
  EXPECT_EQ(r.answer, words_to_tokens("9"));
  EXPECT_FALSE(r.answer_correct);
}

TEST(Chain, ShortAndStrangeResponses) {
  const Problem p = hand_made();
  for (std::string_view text : {"", ".", "answer", "answer answer", "= + 3", "ann has + ="}) {
    const ChainReport r = parse_chain(p, words_to_tokens(text));
    EXPECT_FALSE(r.answer_correct) << text;
    EXPECT_EQ(r.prefix, 0) << text;
    EXPECT_EQ(r.correct.size(), 3u);
  }
  EXPECT_TRUE(parse_chain(p, words_to_tokens("10 .")).answer_correct);
}

TEST(Gathering, ReferencesAreRightAndSlipsAreNot) {
  for (uint64_t i = 0; i < 100; ++i) {
    const int steps = 2 + static_cast<int>(i % 5);
    const Gathering g = make_gathering(world(), steps, "test", i);
    std::vector<Tokens> recipe = recipe_steps(g);
    TokenText forward, backward, formal;
    for (const Tokens& s : recipe) forward.add(s);
    for (auto s = recipe.rbegin(); s != recipe.rend(); ++s) backward.add(*s);
    for (const Tokens& s : formal_steps(g)) formal.add(s);
    const Tokens right = forward.take(), exact = formal.take();
    EXPECT_EQ(right.size(), exact.size());  // matched length
    EXPECT_EQ(score_recipe(g, right), 1);
    EXPECT_EQ(score_recipe(g, backward.take()), 1);
    EXPECT_LT(score_recipe(g, joined({right, recipe[0]})), 1);  // one thing twice
    EXPECT_NEAR(score_recipe(g, std::span(right).subspan(6)), 1 - 1.0 / steps, 1e-12);
    EXPECT_EQ(score_formal(g, exact), 1);
    EXPECT_EQ(formal_prefix(g, exact), steps);
    Tokens slipped = exact;
    slipped[slipped.size() - 2] = word_token("99");
    EXPECT_EQ(score_formal(g, slipped), 0);
    EXPECT_EQ(formal_prefix(g, slipped), steps - 1);
    EXPECT_EQ(score_recipe(g, {}), 0);
    EXPECT_EQ(score_formal(g, {}), 0);
    EXPECT_FALSE(g.test_only);
    EXPECT_TRUE(make_gathering(world(), steps, "test", kFirstProbe + i).test_only);
  }
}

TEST(Gathering, SecondHolderWillDo) {
  const Gathering g{.holdings = {{word_token("tom"), 7, word_token("apples")},
                                 {word_token("ann"), 7, word_token("apples")},
                                 {word_token("bob"), 2, word_token("figs")}},
                    .wanted = {word_token("apples"), word_token("figs")}};
  EXPECT_EQ(score_recipe(g, words_to_tokens("use 2 figs from bob . use 7 apples from ann .")), 1);
  EXPECT_EQ(score_recipe(g, words_to_tokens("use 2 figs from bob . use 6 apples from ann .")), 0);
  EXPECT_EQ(tokens_to_words(gathering_text(g)),
            "tom has 7 apples . ann has 7 apples . bob has 2 figs . use apples and figs .");
}

TEST(LongSum, ToolAndDirectForms) {
  const LongSum sum{.a = 482, .b = 139, .minus = false, .digits = 3};
  EXPECT_EQ(tokens_to_words(sum_question(sum)), "what is <d4> <d8> <d2> + <d1> <d3> <d9> ?");
  const Tokens gold = tool_answer(sum);
  EXPECT_EQ(score_long_sum(sum, gold), 1);
  EXPECT_EQ(score_long_sum(sum, sum_answer(sum)), 1);
  EXPECT_EQ(score_long_sum(sum, words_to_tokens("<d6> <d2> <d2>")), 0);
  EXPECT_EQ(score_long_sum(sum, {}), 0);
  EXPECT_TRUE(calls_rightly(sum, gold));
  const auto call = std::find(gold.begin(), gold.end(), word_token("<ret>"));
  EXPECT_EQ(run_tool(std::span(gold.begin(), call)), sum_answer(sum));
  EXPECT_TRUE(run_tool({}).empty());
  EXPECT_TRUE(run_tool(words_to_tokens("<call> print ( 3 // 0 )")).empty());
  EXPECT_TRUE(run_tool(words_to_tokens("<call> print (")).empty());
  EXPECT_FALSE(calls_rightly(sum, words_to_tokens("<call> print ( 3 + 4 )")));
}

TEST(LongSum, DigitsAndSplit) {
  for (int digits = 3; digits <= 6; ++digits)
    for (uint64_t i = 0; i < 200; ++i) {
      const LongSum sum = make_long_sum(world(), digits, "test", i);
      EXPECT_EQ(std::to_string(sum.a).size(), static_cast<size_t>(digits));
      EXPECT_GE(sum.value(), 100);
      EXPECT_FALSE(sum.test_only);
      EXPECT_EQ(score_long_sum(sum, tool_answer(sum)), 1);
    }
  EXPECT_TRUE(make_long_sum(world(), 4, "test", kFirstProbe).test_only);
}

}  // namespace
}  // namespace lineage
