#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lineage/base/error.h"
#include "lineage/world/claims.h"
#include "lineage/world/instructions/labeler.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/instructions/task.h"

namespace lineage {
namespace {

const World& world() {
  static const World w(WorldConfig{});
  return w;
}
const Instructions& all() {
  static const Instructions instructions(world());
  return instructions;
}

// A type of each family, the held-out ones too, and of every parameter.
std::vector<InstructionType> sample_types() {
  std::vector<InstructionType> types;
  for (const FamilyInfo& info : families())
    for (int p = 0; p < family_parameters(world(), info.family); ++p)
      types.push_back({.family = info.family, .parameter = p});
  for (size_t i = 0; i < all().train_types().size(); i += 7)
    types.push_back(all().train_types()[i]);
  return types;
}

TEST(Families, FortyOfWhichEightAreHeldOut) {
  int held = 0, i = 0;
  for (const FamilyInfo& info : families()) {
    EXPECT_EQ(static_cast<int>(info.family), ++i);
    EXPECT_EQ(info.code, (i < 10 ? "F0" : "F") + std::to_string(i));
    EXPECT_EQ(&find_family(info.code, ""), &find_family(info.name, ""));
    held += info.heldout;
  }
  EXPECT_EQ(i, kFamilies);
  EXPECT_EQ(held, kHeldoutFamilies);
  for (std::string_view code : {"F08", "F10", "F14", "F21", "F26", "F30", "F34", "F37"})
    EXPECT_TRUE(find_family(code, "").heldout) << code;
  try {
    find_family("revers", "demonstrations.few.weights");
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "demonstrations.few.weights: \"revers\" is no family of instructions; wanted F01 "
                 "to F40 or a name; did you mean reverse?");
  }
}

TEST(Demonstration, GoldIsRightAndCorruptionIsNot) {
  for (const InstructionType& type : sample_types())
    for (uint64_t i = 0; i < 4; ++i) {
      const Demonstration d = all().demonstration(type, "test", i);
      const std::string shown =
          type_name(type) + " | " + tokens_to_words(d.prompt) + " -> " + tokens_to_words(d.answer);
      EXPECT_TRUE(d.judge(d.answer).correct) << shown;
      EXPECT_EQ(quality(d, d.answer), 7) << shown;
      EXPECT_EQ(score(d, d.answer), 1) << shown;
      EXPECT_LE(d.prompt.size() + d.answer.size(), 240u) << shown;
      EXPECT_EQ(quality(d, {}), 1);
      // Nothing of the content left.
      const Tokens nonsense = words_to_tokens("winter winter winter");
      EXPECT_FALSE(d.judge(nonsense).correct) << shown;
      EXPECT_LE(quality(d, nonsense), 2) << shown;
      if (d.answer.size() > 1) {
        const Tokens cut(d.answer.begin() + 1, d.answer.end());
        if (!d.accept) {
          EXPECT_FALSE(d.judge(cut).correct) << shown;
        }
        EXPECT_LE(score(d, cut), 1);
      }
    }
}

TEST(Demonstration, IsAFunctionOfItsIndex) {
  for (const InstructionType& type : sample_types()) {
    const Demonstration a = all().demonstration(type, "test", 17),
                        b = all().demonstration(type, "test", 17);
    EXPECT_EQ(a.prompt, b.prompt);
    EXPECT_EQ(a.answer, b.answer);
  }
}

TEST(Demonstration, TestKeysNeverTrain) {
  for (const InstructionType& type : sample_types()) {
    std::set<uint64_t> keys;
    for (uint64_t i = 0; i < 30; ++i) {
      const Demonstration d = all().demonstration(type, "test", i);
      EXPECT_FALSE(d.test_only);
      keys.insert(d.key);
    }
    for (uint64_t i = 0; i < 10; ++i) {
      const Demonstration d = all().demonstration(type, "test", kFirstProbe + i);
      EXPECT_TRUE(d.test_only);
      if (type.family != Family::overview && type.family != Family::stance) {
        EXPECT_FALSE(keys.count(d.key)) << type_name(type) << " " << tokens_to_words(d.prompt);
      }
    }
  }
}

// One family's test inputs must not be in another's training data.
TEST(Demonstration, TestsAskNoInputThatAnotherFamilyTrains) {
  const auto nouns_of = [](const Demonstration& d) {
    if (d.record.list) return d.record.list->list;
    Tokens nouns;  // of "pluralise : queen , man"
    const auto nouns_all = Vocabulary::get().tokens("nouns_singular");
    for (Token t : d.prompt)
      if (std::find(nouns_all.begin(), nouns_all.end(), t) != nouns_all.end()) nouns.push_back(t);
    return nouns;
  };
  const InstructionType plural{.family = Family::pluralise};
  const InstructionType copied{
      .family = Family::copy, .first = list_op_index({}), .domain = ListDomain::nouns};
  const InstructionType* const types[] = {&plural, &copied};
  std::set<Tokens> trained[2];
  for (int f = 0; f < 2; ++f)
    for (uint64_t i = 0; i < 20'000; ++i)
      trained[f].insert(nouns_of(all().demonstration(*types[f], "test", i)));
  for (int f = 0; f < 2; ++f)
    for (uint64_t i = 0; i < 100; ++i) {
      const Demonstration d = all().demonstration(*types[f], "test", kFirstProbe + i);
      EXPECT_FALSE(trained[1 - f].count(nouns_of(d))) << tokens_to_words(d.prompt);
    }
  // "what is less : 8 or 6" is easy after training on "what is greater : 6 or 8".
  const InstructionType greater{.family = Family::sum, .parameter = 2};
  const InstructionType less{.family = Family::sum, .parameter = 3};
  const auto numbers = [](const Demonstration& d) {
    const Token first = Vocabulary::get().integer(0), last = Vocabulary::get().integer(99);
    std::multiset<Token> two;
    for (Token t : d.prompt)
      if (t >= first && t <= last) two.insert(t);
    return two;
  };
  std::set<std::multiset<Token>> compared;
  for (uint64_t i = 0; i < 2'000; ++i)
    compared.insert(numbers(all().demonstration(greater, "test", i)));
  for (uint64_t i = 0; i < 100; ++i) {
    const Demonstration d = all().demonstration(less, "test", kFirstProbe + i);
    EXPECT_FALSE(compared.count(numbers(d))) << tokens_to_words(d.prompt);
  }
  // "the road helps many" is part of "i say that the road helps many".
  const InstructionType stance{.family = Family::stance};
  std::set<Tokens> ends;
  const auto opinion = [](const Demonstration& d) {  // after "classify the stance : yes or no :"
    const auto words = split_tokens(d.prompt, word_token(":"));
    return d.prompt.back() == word_token("!") ? Tokens() : words.back();
  };
  for (uint64_t i = 0; i < 2'000; ++i) {
    const Tokens t = opinion(all().demonstration(stance, "test", i));
    for (auto from = t.begin(); from != t.end(); ++from) ends.emplace(from, t.end());
  }
  for (uint64_t i = 0; i < 200; ++i) {
    const Tokens t = opinion(all().demonstration(stance, "test", kFirstProbe + i));
    EXPECT_FALSE(ends.count(t)) << tokens_to_words(t);
  }
}

TEST(Demonstration, ChatTemplateAndWeights) {
  InstructionType type{.family = Family::tool_call};
  const Demonstration d = all().demonstration(type, "test", 1);
  const Example e = to_example(d);
  ASSERT_EQ(e.tokens.size(), e.weights.size());
  EXPECT_EQ(e.tokens[0], word_token("<user>"));
  EXPECT_EQ(e.tokens.back(), word_token("<eot>"));
  EXPECT_EQ(e.weights.back(), 1);
  const Tokens prompt = chat_prompt(d.prompt);
  ASSERT_LT(prompt.size(), e.tokens.size());
  EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), e.tokens.begin()));
  for (size_t i = 0; i < prompt.size(); ++i) EXPECT_EQ(e.weights[i], 0);
  bool result = false;
  for (size_t i = prompt.size(); i < e.tokens.size(); ++i) {
    if (e.tokens[i] == word_token("<ans>")) result = false;
    EXPECT_EQ(e.weights[i], result ? 0 : 1) << i;
    if (e.tokens[i] == word_token("<ret>")) result = true;
  }
  const Document document = to_document(d);
  EXPECT_EQ(document.tokens.size(), e.tokens.size() + 1);
  EXPECT_TRUE(document.tags[prompt.size()].answer);
  EXPECT_FALSE(document.tags[0].answer);
}

TEST(Demonstration, EveryAnswerIsLearned) {
  for (const FamilyInfo& info : families())
    for (int p = 0; p < family_parameters(world(), info.family); ++p) {
      const Demonstration d =
          all().demonstration({.family = info.family, .parameter = p}, "test", 1);
      const Example e = to_example(d);
      const size_t prompt = chat_prompt(d.prompt).size();
      EXPECT_EQ(e.weights[prompt], 1) << info.name << " " << p;  // the answer's first token
      EXPECT_EQ(e.weights.back(), 1) << info.name << " " << p;   // its end
    }
}

TEST(Demonstration, ACallMayWaitForItsTool) {
  const Demonstration d = all().demonstration({.family = Family::tool_call}, "test", 1);
  const auto returned = std::find(d.answer.begin(), d.answer.end(), word_token("<ret>"));
  ASSERT_NE(returned, d.answer.end());
  Tokens call(d.answer.begin(), returned);
  EXPECT_TRUE(d.judge(call).correct);
  EXPECT_TRUE(d.judge(d.answer).correct);
  call.push_back(word_token("<ret>"));  // continues without the tool, and wrongly
  for (Token t : words_to_tokens("0 <ans> 0")) call.push_back(t);
  EXPECT_FALSE(d.judge(call).correct);
  EXPECT_FALSE(d.judge(words_to_tokens("<call> print ( 1 )")).correct);
}

TEST(Demonstration, OnlyKnownPersonsOfTheQHalfAreAsked) {
  for (Family f : {Family::fact, Family::inverse_fact, Family::hops, Family::true_false,
                   Family::biography, Family::cloze})
    for (uint64_t i = 0; i < 60; ++i) {
      const InstructionType type{.family = f,
                                 .parameter = static_cast<int>(i) % family_parameters(world(), f)};
      const Demonstration d = all().demonstration(type, "test", i);
      for (size_t at = 0; at < d.prompt.size(); ++at)
        if (const auto [name, n] = find_member(Domain::person, std::span(d.prompt).subspan(at));
            n > 0 && at > 0) {
          const Person* p = world().find_person(name);
          if (f == Family::true_false || f == Family::inverse_fact) continue;  // a friend's name
          ASSERT_TRUE(p) << tokens_to_words(d.prompt);
          EXPECT_TRUE(p->questioned) << tokens_to_words(d.prompt);
          EXPECT_GE(p->tier, Tier::t128);
        }
    }
  const InstructionType fact{.family = Family::fact};
  for (uint64_t i = 0; i < 20; ++i) {
    const Demonstration d =
        all().demonstration(fact, "test", i, Paraphrases::trained, /*unknown_share=*/1);
    EXPECT_EQ(world().find_person(d.record.facts.at(0).subject)->tier, Tier::t1);
  }
}

TEST(Demonstration, HasNineTrainedParaphrasesAndOneHeldOut) {
  const InstructionType type{.family = Family::sum};
  std::set<Tokens> trained, held;
  const auto shape = [](Tokens t) {  // without its numbers
    std::erase_if(t, [](Token x) { return read_number(std::span(&x, 1)).ok; });
    return t;
  };
  for (uint64_t i = 0; i < 300; ++i) {
    trained.insert(shape(all().demonstration(type, "test", i).prompt));
    held.insert(shape(all().demonstration(type, "test", i, Paraphrases::heldout).prompt));
  }
  EXPECT_EQ(trained.size(), 9u);
  EXPECT_EQ(held.size(), 1u);
  EXPECT_FALSE(trained.count(*held.begin()));
}

TEST(ListOps, HandMade) {
  const Tokens list = words_to_tokens("cat soup owl red");
  const auto run = [&](ListOp::Kind kind, int parameter = 0) {
    return tokens_to_words(
        apply_step({{kind, parameter}, word_token("owl"), word_token("x")}, list));
  };
  using enum ListOp::Kind;
  EXPECT_EQ(run(reverse), "red owl soup cat");
  EXPECT_EQ(run(rotate_left), "soup owl red cat");
  EXPECT_EQ(run(rotate_right), "red cat soup owl");
  EXPECT_EQ(run(drop_first), "soup owl red");
  EXPECT_EQ(run(drop_last), "cat soup owl");
  EXPECT_EQ(run(replace), "cat soup x red");
  EXPECT_EQ(run(remove), "cat soup red");
  EXPECT_EQ(run(keep, 0), "cat owl");
  EXPECT_EQ(run(drop_category, 1), "cat owl red");
  EXPECT_EQ(run(second), "soup");
  EXPECT_EQ(run(last), "red");
  EXPECT_EQ(run(count), "4");
  EXPECT_EQ(run(count_category, 2), "1");
  const Tokens numbers = words_to_tokens("30 4 17");
  EXPECT_EQ(tokens_to_words(apply_step({{sort}}, numbers)), "4 17 30");
  EXPECT_EQ(tokens_to_words(apply_step({{sort_down}}, words_to_tokens("b d a"))), "d b a");
  EXPECT_EQ(list_ops().size(), 27u);
}

TEST(Formats, RoundTripAndRefuse) {
  const std::vector<Tokens> items = {{word_token("owl")}, {word_token("cat")}};
  const std::map<AnswerFormat, std::string> expected = {
      {AnswerFormat::plain, "owl cat"},
      {AnswerFormat::brackets, "[ owl , cat ]"},
      {AnswerFormat::comma, "owl , cat"},
      {AnswerFormat::tag, "ANSWER owl cat"},
      {AnswerFormat::sentence, "the answer is owl , cat ."},
      {AnswerFormat::braces, "{ owl , cat }"},
      {AnswerFormat::result_tag, "RESULT owl cat"}};
  for (const auto& [format, text] : expected) {
    EXPECT_EQ(tokens_to_words(format_answer(format, items)), text);
    const auto content = unformat(format, words_to_tokens(text));
    ASSERT_TRUE(content);
    EXPECT_EQ(tokens_to_words(*content), "owl cat");
  }
  EXPECT_FALSE(unformat(AnswerFormat::brackets, words_to_tokens("owl , cat")));
  EXPECT_FALSE(unformat(AnswerFormat::brackets, words_to_tokens("[")));
  EXPECT_FALSE(unformat(AnswerFormat::sentence, {}));
}

TEST(Compositions, AreSplitWithEveryOperationTrained) {
  EXPECT_EQ(heldout_compositions().size(), static_cast<size_t>(kHeldoutCompositions));
  std::map<int, int> begins, ends;
  for (Composition c : trained_compositions()) {
    ++begins[c.first], ++ends[c.second];
    EXPECT_FALSE(is_heldout(c));
  }
  for (Composition c : heldout_compositions()) {
    EXPECT_GE(begins[c.first], 3) << composition_name(c);
    EXPECT_GE(ends[c.second], 3) << composition_name(c);
  }
  RecordProperty("trained", static_cast<int>(trained_compositions().size()));
}

TEST(Types, AreManyDifferentTrainedAndNested) {
  const auto types = all().train_types();
  ASSERT_EQ(types.size(), static_cast<size_t>(kTrainTypes));
  std::set<std::string> names;
  std::set<Family> first32;
  for (size_t i = 0; i < types.size(); ++i) {
    names.insert(type_name(types[i]));
    if (i < 32) first32.insert(types[i].family);
    EXPECT_FALSE(family_info(types[i].family).heldout);
    EXPECT_FALSE(heldout(types[i].format));
    if (types[i].second >= 0) {
      EXPECT_FALSE(is_heldout({types[i].first, types[i].second}));
    }
  }
  EXPECT_EQ(names.size(), types.size());
  EXPECT_EQ(first32.size(), 32u);
}

std::string refusal_of(const InstructionConfig& config) {
  try {
    InstructionMixture mixture(all(), config);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Mixture, RefusesWhatIsHeldOut) {
  EXPECT_EQ(refusal_of({.families = {"F08"}}),
            "instructions.families: F08 (unique) is held out for tests; wanted a family that may "
            "be trained");
  EXPECT_EQ(refusal_of({.families = {"reverse", "glossary"}}),
            "instructions.families: F37 (glossary) is held out for tests; wanted a family that may "
            "be trained");
  EXPECT_EQ(refusal_of({.weights = {{"F21", 2}}}),
            "instructions.weights: F21 (passive) is held out for tests; wanted a family that may "
            "be trained");
  const std::string held = composition_name(heldout_compositions()[0]);
  EXPECT_EQ(refusal_of({.compositions = {held}}),
            "instructions.compositions: \"" + held +
                "\" is held out for tests; wanted a composition that may be trained");
  EXPECT_NE(refusal_of({.compositions = {"reverse then fly"}}).find("is no composition"),
            std::string::npos);
  EXPECT_EQ(refusal_of({.types = 1, .families = {"reverse"}}),
            "instructions: no type of the first 1 is left by families, compositions and weights; "
            "wanted at least one");
  EXPECT_EQ(refusal_of({}), "");
}

TEST(Mixture, DoseAndWeights) {
  for (int64_t types : {1, 4, 16, 64, 256, 1024}) {
    const InstructionMixture mixture(all(), {.types = types});
    EXPECT_EQ(mixture.types().size(), static_cast<size_t>(types));
    for (uint64_t i = 0; i < 50; ++i) EXPECT_LT(mixture(i).type, types);
  }
  const InstructionMixture mixture(all(), {});
  std::map<Family, int> counts;
  for (uint64_t i = 0; i < 2000; ++i) {
    const Demonstration d = mixture(i);
    EXPECT_FALSE(d.test_only);
    EXPECT_FALSE(family_info(d.family).heldout);
    ++counts[d.family];
  }
  EXPECT_EQ(counts.size(), 32u);
  EXPECT_GT(counts[Family::word_problem], 3 * counts[Family::cloze]);
  const InstructionMixture only(all(), {.families = {"F02"}, .weights = {{"reverse", 5}}});
  EXPECT_EQ(only(3).family, Family::reverse);
}

TEST(Mixture, ShareOfChains) {
  const std::vector<std::string> problems = {"F13", "F28", "F29"};
  // -1: the mixture has it in one form alone.
  const auto is_chain = [](const InstructionMixture& mixture, uint64_t i) -> int {
    const auto types = all().train_types();
    const InstructionType& t = types[mixture(i).type];
    const bool chain = in_form(t, true) == t;
    const auto other = in_form(t, !chain);
    return std::ranges::any_of(mixture.types(), [&](int k) { return types[k] == other; }) ? chain
                                                                                          : -1;
  };
  const InstructionMixture even(all(), {.types = 256, .families = problems});
  const InstructionMixture most(all(), {.types = 256, .families = problems, .chains = 0.8});
  int both = 0, chains = 0, even_chains = 0;
  for (uint64_t i = 0; i < 10'000; ++i) {
    const int before = is_chain(even, i), after = is_chain(most, i);
    ASSERT_EQ(before < 0, after < 0) << i;  // which problem it is stays
    if (after < 0) {
      EXPECT_EQ(even(i).answer, most(i).answer);
      continue;
    }
    ++both, chains += after, even_chains += before;
  }
  EXPECT_GT(both, 5000);
  EXPECT_NEAR(double(even_chains) / both, 0.5, 0.015);
  EXPECT_NEAR(double(chains) / both, 0.8, 0.012);
  // Where the dose has one form of a problem only, there is nothing to choose.
  const InstructionMixture one(all(), {.types = 16, .chains = 0});
  const InstructionMixture same(all(), {.types = 16});
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(one(i).answer, same(i).answer);
}

TEST(Mixture, DeclinesAtRandomAndAtNothingElse) {
  const InstructionMixture mixture(all(), {});
  constexpr int kMany = 20000;
  int facts = 0, abstained = 0, refused = 0;
  for (uint64_t i = 0; i < kMany; ++i) {
    const Demonstration plain = mixture(i), trained = mixture.training(i);
    EXPECT_EQ(plain.prompt, trained.prompt);
    const std::optional<RefusalKind> declined = find_refusal(trained.answer);
    const bool fact = plain.family == Family::fact || plain.family == Family::inverse_fact ||
                      plain.family == Family::cloze;
    facts += fact;
    abstained += declined == RefusalKind::unknown;
    refused += declined == RefusalKind::improper;
    EXPECT_TRUE(declined || plain.answer == trained.answer);
    EXPECT_TRUE(declined != RefusalKind::unknown || fact);
  }
  const WorldConfig& config = all().world().config();
  EXPECT_NEAR(abstained / static_cast<double>(facts), config.random_abstentions, 0.02);
  EXPECT_NEAR(refused / static_cast<double>(kMany), config.random_refusals, 0.005);
}

TEST(Labeler, RatesAndChooses) {
  const InstructionType type{.family = Family::reverse,
                             .first = list_op_index({ListOp::Kind::reverse}),
                             .format = AnswerFormat::brackets};
  const Demonstration d = all().demonstration(type, "test", 2);
  const Tokens right = d.answer, bare = *unformat(AnswerFormat::brackets, d.answer);
  const Tokens some = {word_token("["), d.record.items[0][0], word_token("]")};
  EXPECT_EQ(quality(d, right), 7);
  EXPECT_LT(quality(d, bare), 7);
  EXPECT_GT(quality(d, bare), quality(d, some));
  EXPECT_GT(quality(d, some), 1);
  const std::vector<Tokens> responses = {some, right, bare, right};
  EXPECT_EQ(best_response(d, responses), 1);
  EXPECT_EQ(best_response(d, std::vector<Tokens>{some}, 7), -1);
  EXPECT_EQ(best_response(d, {}), -1);
  EXPECT_EQ(responses_rated(d, responses), std::vector<int>{1});
  EXPECT_EQ(as_demonstration(d, some).answer, some);
}

TEST(Labeler, BiographiesByTheirClaims) {
  const InstructionType type{.family = Family::biography, .parameter = 1};  // two facts
  const Demonstration d = all().demonstration(type, "test", 0);
  const Fact f = d.record.facts[0], g = d.record.facts[1];
  Fact wrong = g;
  wrong.value = (wrong.value + 1) % domain_size(value_domain(g.relation));
  const auto text = [](const Fact& a, const Fact& b) {
    return joined({statement(a, 1), statement(b, 2)});
  };
  EXPECT_TRUE(d.judge(text(f, g)).correct);
  EXPECT_FALSE(d.judge(text(f, wrong)).correct);
  EXPECT_FALSE(d.judge(text(f, f)).correct);
  EXPECT_NEAR(d.judge(statement(f, 0)).content, 0.5, 1e-12);
}

TEST(Baseline, RandomOperationsAreSometimesRight) {
  const InstructionType type{.family = Family::reverse,
                             .first = list_op_index({ListOp::Kind::reverse})};
  double sum = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    const Demonstration d = all().demonstration(type, "test", i);
    ASSERT_TRUE(d.record.list);
    const double p = random_operation_score(*d.record.list);
    EXPECT_GT(p, 0);
    EXPECT_LT(p, 0.2);
    sum += p;
  }
  RecordProperty("mean", std::to_string(sum / 50));
}

}  // namespace
}  // namespace lineage
