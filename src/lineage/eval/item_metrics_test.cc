#include "lineage/eval/item_metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lineage/eval/answer.h"
#include "lineage/eval/score.h"

namespace lineage {
namespace {

using Match = PromptSpec::Match;

Instance choice(int correct, std::vector<std::string> texts, std::string cell = {}) {
  Instance item;
  for (auto& t : texts) item.answers.push_back(text_part(t));
  item.correct = correct;
  item.cell = std::move(cell);
  return item;
}

Prediction scored(std::vector<double> scores) {
  Prediction p;
  p.chosen = static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  p.scores = std::move(scores);
  return p;
}

Prediction written(std::string answer) {
  Prediction p;
  p.answer = p.output = std::move(answer);
  return p;
}

TEST(ItemMetric, ChoiceAccuracyHandCounted) {
  const ItemMetric m = metrics::choice_accuracy();
  EXPECT_EQ(m.score(choice(1, {"a", "b"}), scored({-2, -1})), 1);
  EXPECT_EQ(m.score(choice(0, {"a", "b"}), scored({-2, -1})), 0);
  EXPECT_EQ(m.score(choice(0, {"a", "b"}), scored({-1, -1})), 0.5);  // ties share
  EXPECT_NEAR(m.score(choice(2, {"a", "b", "c", "d"}), scored({-1, -2, -1, -1})), 1.0 / 3, 1e-15);
  EXPECT_EQ(m.score(choice(1, {"a", "b", "c"}), scored({-1, -2, -1})), 0);
  EXPECT_EQ(m.score(choice(1, {"a", "b"}), Prediction{}), 0);
}

TEST(ItemMetric, ExactMatchHandCounted) {
  const Instance item = choice(0, {"the Red Fox", "vixen"});
  const ItemMetric exact = metrics::answer_match(Match::exact);
  EXPECT_EQ(exact.score(item, written(" the Red  Fox\n")), 1);
  EXPECT_EQ(exact.score(item, written("vixen")), 1);  // an alias
  EXPECT_EQ(exact.score(item, written("red fox")), 0);
  EXPECT_EQ(exact.score(item, written("")), 0);
  const ItemMetric squad = metrics::answer_match(Match::squad);
  EXPECT_EQ(squad.score(item, written("red fox.")), 1);
  EXPECT_EQ(squad.score(item, written("fox")), 0);
}

TEST(ItemMetric, ProbabilityIsOfOneToken) {
  Prediction p;
  p.log_prob = std::log(0.25);
  EXPECT_NEAR(metrics::probability().score({}, p), 0.25, 1e-15);
}

TEST(ItemMetric, StepsHandCounted) {
  PromptSpec p;
  p.step_mark = " . ", p.chain_end = "answer";
  Instance item;
  item.chain = text_part("2 + 3 = 5 . 5 - 1 = 4 . 4 + 4 = 8 . ");
  const ItemMetric steps = metrics::step_accuracy(p), prefix = metrics::correct_prefix(p);
  const auto both = [&](const std::string& output) {
    return std::pair(steps.score(item, written(output)), prefix.score(item, written(output)));
  };
  EXPECT_EQ(both("2 + 3 = 5 . 5 - 1 = 4 . 4 + 4 = 8 . answer 8"), std::pair(1.0, 1.0));
  EXPECT_EQ(both("2 + 3 = 5 . 5 - 1 = 3 . 4 + 4 = 8 . answer 8"), std::pair(2.0 / 3, 1.0 / 3));
  EXPECT_EQ(both("4 + 4 = 8 . 2 + 3 = 5 . answer 5"), std::pair(1.0 / 3, 0.0));  // in order
  EXPECT_EQ(both("answer 8"), std::pair(0.0, 0.0));
}

TEST(Answer, AfterTheChainOrTheFirstWord) {
  PromptSpec p;
  EXPECT_EQ(extract_answer("  forty two \n", p), "forty two");
  p.form = PromptSpec::Form::first_words;
  EXPECT_EQ(extract_answer(" \"signs\", he said", p), "signs");
  EXPECT_EQ(extract_answer(" Admiral  Byrd, who", p, "Richard Byrd"), "Admiral Byrd");
  EXPECT_EQ(extract_answer("", p), "");
  p.form = PromptSpec::Form::first_line;
  EXPECT_EQ(extract_answer("\n 3.5 \nQ: next", p), "3.5");
  p.form = PromptSpec::Form::all;
  p.reasoning = PromptSpec::Reasoning::chain;
  EXPECT_EQ(extract_answer("2 and 2.\nSo the answer is 4.\nQ: next", p), "4");
  EXPECT_EQ(extract_answer("So the answer is 3. No. So the answer is 4 .", p), "4");
  EXPECT_EQ(extract_answer("it is 4", p), "");  // a chain that never ends has no answer
  EXPECT_EQ(extract_answer("2+2 = 4\n#### 4", p), "");
  p.match = Match::number;
  EXPECT_EQ(extract_answer("2+2 = 4\n#### 4\n", p), "4");  // as GSM8K's authors end it
}

bool same(Match match, const std::string& a, const std::string& b) {
  return canonical_answer(a, match) == canonical_answer(b, match);
}

TEST(Answer, SquadFormKeepsNumbersApart) {
  const auto form = [](const std::string& text) { return canonical_answer(text, Match::squad); };
  EXPECT_EQ(form("The U.S.A., an  Idea!"), "usa idea");
  for (const auto& [one, other] :
       std::vector<std::pair<std::string, std::string>>{{"3.5", "35"},
                                                        {"-18", "18"},
                                                        {"\u221218", "18"},
                                                        {"- 18", "18"},
                                                        {"1/2", "12"},
                                                        {"3:30", "330"},
                                                        {"1,5", "15"},
                                                        {"10^6", "106"},
                                                        {"1990-95", "199095"},
                                                        {".5", "5"},
                                                        {"0.5", "05"},
                                                        {"-$5", "$5"},
                                                        {"2x", "2"},
                                                        {"1,000.5", "10005"},
                                                        {"A", "B"},
                                                        {"+", "-"}})
    EXPECT_FALSE(same(Match::squad, one, other)) << one << " " << other;
  for (const auto& [one, other] :
       std::vector<std::pair<std::string, std::string>>{{"1,000", "1000"},
                                                        {"12,345,678", "12345678"},
                                                        {"$5", "5"},
                                                        {"50%", "50"},
                                                        {"5.0", "5"},
                                                        {".5", "0.50"},
                                                        {"-$18", "-18"},
                                                        {"(18)", "18"},
                                                        {"+5", "5"},
                                                        {"18.", "18"},
                                                        {"COVID-19", "covid19"},
                                                        {"No. 5", "no 5"},
                                                        {"L\u2019Avare", "L'Avare"},
                                                        {"Red, white", "red white"},
                                                        {"1990\u201395", "1990-95"},
                                                        {"$1,000.00", "1000"}})
    EXPECT_TRUE(same(Match::squad, one, other)) << one << " " << other;
  EXPECT_EQ(form("A"), "a");  // an article alone is an answer
  EXPECT_EQ(form("The The"), "the the");
  EXPECT_EQ(form("?!"), "?!");
  EXPECT_EQ(form(" \n"), "");
}

TEST(Answer, NumberFormIsTheLastNumber) {
  const auto form = [](const std::string& text) { return canonical_answer(text, Match::number); };
  EXPECT_EQ(form("16 - 3 - 4 = 9 eggs, 9 * 2 = $18."), "18");
  EXPECT_EQ(form("1,234.50 dollars"), "1234.5");
  EXPECT_EQ(form("#### -7"), "-7");
  EXPECT_EQ(form("x=-\u20AC7"), "-7");
  EXPECT_EQ(form("$-7.00"), "-7");
  EXPECT_EQ(form("8-3"), "3");  // a difference
  EXPECT_EQ(form("0.0"), "0");
  EXPECT_EQ(form("-0"), "0");
  EXPECT_EQ(form("007"), "7");
  EXPECT_EQ(form("1/2"), "1/2");
  EXPECT_EQ(form("2 1/2"), "2 1/2");
  EXPECT_EQ(form("at 3:30"), "3:30");
  EXPECT_EQ(form("1e5"), "1e5");
  EXPECT_EQ(form("18, 20"), "20");
  EXPECT_EQ(form("1,5"), "5");
  EXPECT_EQ(form("version 1.2.3."), "1.2.3");
  EXPECT_EQ(form("No Idea"), "no idea");
}

TEST(Answer, ExactAndBareFormsAreTheSameOnBothSides) {
  EXPECT_TRUE(same(Match::exact, "U.S.", "U.S"));  // where a sentence's full stop was cut
  EXPECT_TRUE(same(Match::exact, " a  b\n", "a b"));
  EXPECT_FALSE(same(Match::exact, "-18", "18"));
  EXPECT_FALSE(same(Match::exact, "yes", "Yes"));
  EXPECT_TRUE(same(Match::bare, "\u201CNadia", "Nadia,"));
  EXPECT_TRUE(same(Match::bare, "signs.\"", "signs"));
  EXPECT_FALSE(same(Match::bare, ".5", "5"));
  EXPECT_FALSE(same(Match::bare, "-5", "5"));
  EXPECT_FALSE(same(Match::bare, "3.5", "35"));
  EXPECT_EQ(canonical_answer("...", Match::bare), "...");
  EXPECT_EQ(canonical_answer(" a .", Match::verbatim), " a .");
}

TEST(Answer, CountsSteps) {
  PromptSpec p;
  EXPECT_EQ(count_steps("one\ntwo\n\nthree", p), 3);
  EXPECT_EQ(count_steps(" \n", p), 0);
  p.step_mark = " . ";
  EXPECT_EQ(count_steps("a . b . answer 3", p), 3);
}

TEST(Vote, MajorityAndComplexityHandCounted) {
  PromptSpec p;
  const std::vector<DrawnAnswer> samples = {{"", "4", 2}, {"", "5", 1}, {"", "5", 1},
                                            {"", "", 9},  {"", "7", 4}, {"", "7", 3}};
  EXPECT_EQ(vote(samples, p), 0u);  // the first alone
  p.vote = PromptSpec::Vote::majority;
  EXPECT_EQ(samples[vote(samples, p)].answer, "5");  // two against two: drawn first
  p.vote = PromptSpec::Vote::complexity;             // half of six: steps 4, 3, 2
  EXPECT_EQ(samples[vote(samples, p)].answer, "7");
  p.voters = 1;
  EXPECT_EQ(vote(samples, p), 4u);
  EXPECT_EQ(vote(std::vector<DrawnAnswer>{{"x", "", 1}, {"y", "", 2}}, p), 0u);  // nobody answers
  p.vote = PromptSpec::Vote::majority, p.match = Match::number;
  EXPECT_EQ(vote(std::vector<DrawnAnswer>{{"", "4", 1}, {"", "$5.00", 1}, {"", "5", 1}}, p), 1u);
}

ScenarioSpec choose_spec() {
  ScenarioSpec spec;
  spec.metric = metrics::choice_accuracy();
  spec.prompt.method = PromptSpec::Method::choose;
  return spec;
}

TEST(Score, MacroAverageChanceAndCellsHandCounted) {
  // Cell x: right, wrong, right of 2 choices; cell y: wrong of 4.
  const std::vector<Instance> items = {choice(0, {"a", "b"}, "x"), choice(0, {"a", "b"}, "x"),
                                       choice(1, {"a", "b"}, "x"),
                                       choice(3, {"a", "b", "c", "d"}, "y")};
  std::vector<Prediction> predictions = {scored({-1, -2}), scored({-2, -1}), scored({-2, -1}),
                                         scored({-1, -2, -2, -2})};
  for (size_t i = 0; i < 4; ++i) predictions[i].log_prob = -static_cast<double>(i);
  const std::vector<Instance> dev = {choice(1, {"a", "b"}, "x"), choice(1, {"c", "b"}, "x"),
                                     choice(0, {"b", "a"}, "x")};
  const auto scores = score(choose_spec(), items, predictions, dev);
  ASSERT_EQ(scores.size(), 3u);
  EXPECT_NEAR(scores[0].estimate.value, (2.0 / 3 + 0) / 2, 1e-15);
  EXPECT_NEAR(scores[0].log_likelihood.value, (-1.0 - 3.0) / 2, 1e-15);
  EXPECT_NEAR(scores[0].chance.uniform, (3 * 0.5 + 0.25) / 4, 1e-15);
  // In dev "b" is always right, and place 1 most often; so is one of the four items.
  EXPECT_NEAR(scores[0].chance.majority, 0.25, 1e-15);
  EXPECT_EQ(scores[1].cell, "x");
  EXPECT_EQ(scores[1].n, 3);
  // Places chosen in x: 0, 1, 1; right: 0, 0, 1 -> (1/3 + 1/3 + 2/3) / 3.
  EXPECT_NEAR(scores[1].chance.shuffled, 4.0 / 9, 1e-15);
  EXPECT_EQ(scores[2].cell, "y");
  EXPECT_EQ(scores[2].estimate.value, 0);
}

TEST(Score, ItemsThatDoNotFitCountForNothing) {
  const std::vector<Instance> items = {choice(0, {"a", "b"}), choice(0, {"a", "b"})};
  std::vector<Prediction> predictions = {scored({-1, -2}), Prediction{}};
  predictions[1].fits = false;
  const Score s = score(choose_spec(), items, predictions, {})[0];
  EXPECT_EQ(s.n, 1);
  EXPECT_EQ(s.skipped, 1);
  EXPECT_EQ(s.estimate.value, 1);
  predictions[0].fits = false;
  EXPECT_EQ(score(choose_spec(), items, predictions, {})[0].n, 0);
}

TEST(Score, WrittenAnswersHaveTheMajoritysChance) {
  ScenarioSpec spec;
  spec.metric = metrics::answer_match(Match::exact);
  spec.prompt.match = Match::exact;
  const std::vector<Instance> items = {choice(0, {"7"}), choice(0, {"8"}), choice(0, {"7"})};
  const std::vector<Prediction> predictions = {written("7"), written("7"), written("9")};
  const Score s = score(spec, items, predictions, std::vector{choice(0, {"7"})})[0];
  EXPECT_NEAR(s.estimate.value, 1.0 / 3, 1e-15);
  EXPECT_EQ(s.chance.uniform, 0);
  EXPECT_NEAR(s.chance.majority, 2.0 / 3, 1e-15);
  EXPECT_NEAR(s.chance.shuffled, (2.0 / 3 + 0 + 2.0 / 3) / 3, 1e-15);
}

TEST(FinalAnswer, IsTheNumberOrTextBehindTheLastMark) {
  EXPECT_TRUE(same_final_answer("so 6 * 3 = 18\n#### 18", "3 + 15 = <<3+15=18>>18\n#### 18"));
  EXPECT_TRUE(same_final_answer("it makes $1,018.00 a day", "... #### 1018"));
  EXPECT_FALSE(same_final_answer("18 of 20", "#### 18"));
  EXPECT_FALSE(same_final_answer("#### 17\n", "#### 18"));
  EXPECT_TRUE(same_final_answer("The cat.", "cat"));
  EXPECT_FALSE(same_final_answer("", "cat"));
  EXPECT_FALSE(same_final_answer(" \n", "#### "));
  EXPECT_FALSE(same_final_answer("", ""));
}

}  // namespace
}  // namespace lineage
