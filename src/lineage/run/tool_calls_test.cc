#include "lineage/run/tool_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lineage/world/token_text.h"

namespace lineage {
namespace {

using ::testing::HasSubstr;

const Tokenizer& words() { return *Vocabulary::get().tokenizer(); }

ToolRun run(std::string_view program) {
  std::vector<Token> printed;
  const ToolRun r = run_program(words(), words_to_tokens(program), printed);
  EXPECT_EQ(printed.empty(), !r.error.empty());
  if (r.error.empty()) {
    EXPECT_EQ(words().decode(printed), r.result);
  }
  return r;
}

TEST(RunProgram, GivesWhatIsPrintedOrSaysWhy) {
  EXPECT_EQ(run("print ( 4 + 5 )").result, "9");
  EXPECT_EQ(run("print ( 4 + 5 )").code, "print ( 4 + 5 )");
  EXPECT_EQ(run("print ( 40 * 40 )").result, "1600");
  EXPECT_EQ(run("x = 4 \n print ( x )").result, "4");
  EXPECT_THAT(run("print ( 4 +").error, HasSubstr("SyntaxError"));
  EXPECT_THAT(run("print ( 4 // 0 )").error, HasSubstr("ZeroDivisionError"));
  EXPECT_THAT(run("print ( x )").error, HasSubstr("NameError"));
  EXPECT_THAT(run("while True : \n <indent> x = 1 \n <dedent>").error, HasSubstr("StepLimit"));
  EXPECT_EQ(run("x = 4").error, "the program printed 0 lines; wanted one");
  EXPECT_EQ(run("print ( 4 ) \n print ( 5 )").error, "the program printed 2 lines; wanted one");
  EXPECT_THAT(run("print ( [ 1 ] * 90 )").error, HasSubstr("wanted at most 64"));
  EXPECT_THAT(run("").error, HasSubstr("printed 0 lines"));
}

class ToolCallsTest : public ::testing::Test {
 protected:
  static ToolCalls calls(int64_t max_tokens = 20, int64_t context = 64) {
    Sampling s;
    s.max_tokens = max_tokens, s.seed = 5;
    Manifest m;
    m.world = "seed = 1";
    return ToolCalls(words(), *call_marks(m, words()), words_to_tokens("<user> cat <bot>"), s,
                     context);
  }
  const Tokens call = words_to_tokens("<call> print ( 4 + 5 )");
  static constexpr auto kStop = Completion::End::stop, kLength = Completion::End::length;
};

TEST_F(ToolCallsTest, AreKnownToTunedModelsOfTheWorld) {
  EXPECT_FALSE(call_marks(Manifest(), words()));
  Manifest m;
  m.world = "seed = 1";
  EXPECT_EQ(call_marks(m, words())->call, word_token("<call>"));
}

TEST_F(ToolCallsTest, TheNextPartHasTheResultBeforeIt) {
  ToolCalls c = calls();
  EXPECT_EQ(c.sampling().stop_tokens, Tokens{word_token("<ret>")});
  EXPECT_TRUE(c.is_call(call));
  EXPECT_FALSE(c.is_call(words_to_tokens("print <call>")));
  EXPECT_FALSE(c.is_call({}));
  ASSERT_TRUE(c.goes_on(call, 7, kStop, true));
  EXPECT_EQ(tokens_to_words(c.prompt()), "<user> cat <bot> <call> print ( 4 + 5 ) <ret> 9");
  EXPECT_EQ(c.sampling().max_tokens, 13);
  EXPECT_NE(c.sampling().seed, 5u) << "or the draws of a part would be those of the one before";
  EXPECT_FALSE(c.goes_on(call, 13, kStop, true)) << "no token is left";
  EXPECT_TRUE(c.out_of_room());
  EXPECT_EQ(c.runs().size(), 2u);
}

TEST_F(ToolCallsTest, TheContextIsALimitToo) {
  ToolCalls c = calls(20, 12);
  EXPECT_FALSE(c.goes_on(call, 7, kStop, true));
  EXPECT_TRUE(c.out_of_room());
  EXPECT_EQ(c.runs().at(0).result, "9");
  ToolCalls more = calls(20, 13);
  EXPECT_TRUE(more.goes_on(call, 7, kStop, true));
  EXPECT_EQ(more.sampling().max_tokens, 1);
}

TEST_F(ToolCallsTest, WhatCutsACallIsNamed) {
  const auto error = [&](Completion::End end, bool by_token) {
    ToolCalls c = calls();
    EXPECT_FALSE(c.goes_on(call, 7, end, by_token));
    EXPECT_FALSE(c.out_of_room());
    return c.runs().at(0).error;
  };
  EXPECT_THAT(error(kLength, false), HasSubstr("no room for more tokens"));
  EXPECT_THAT(error(kStop, false), HasSubstr("stop text"));
  EXPECT_THAT(error(Completion::End::cancelled, false), HasSubstr("stopped within the call"));
}

TEST_F(ToolCallsTest, HaveALimit) {
  ToolCalls c = calls(1000, 1000);
  for (int64_t i = 0; i < kMostCalls; ++i) EXPECT_TRUE(c.goes_on(call, 7, kStop, true));
  EXPECT_FALSE(c.goes_on(call, 7, kStop, true));
  EXPECT_THAT(c.runs().back().error, HasSubstr("has made 8 calls"));
}

}  // namespace
}  // namespace lineage
