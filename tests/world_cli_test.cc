// lineage world show and lineage world audit, as a user meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "program.h"

namespace lineage {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::Output;

const std::string kSprout = std::string(LINEAGE_SOURCE_DIR) + "/recipes/gpt35-sprout.toml";

Output world(const std::string& arguments) { return testing::run_program("world " + arguments); }

TEST(WorldShow, PrintsEveryKind) {
  const Output list = world("show --list"), all = world("show");
  ASSERT_EQ(list.status, 0) << list.text;
  ASSERT_EQ(all.status, 0) << all.text;
  std::istringstream lines(list.text);
  int kinds = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  ")) continue;  // a group
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    ++kinds;
    EXPECT_THAT("\n" + all.text, HasSubstr("\n" + kind)) << "no sample of " << kind;
  }
  EXPECT_GT(kinds, 100);
  EXPECT_THAT(all.text, Not(HasSubstr("\x1b[")));  // no terminal, no colours
}

TEST(WorldShow, IsAFunctionOfItsSeedAndIndex) {
  const std::string once = world("show text --seed 7 --index 5").text;
  EXPECT_EQ(once, world("show text --seed 7 --index 5").text);
  EXPECT_NE(once, world("show text --seed 8 --index 5").text);
  EXPECT_NE(once, world("show text --seed 7 --index 6").text);
}

TEST(WorldShow, NamesTheNearestKind) {
  const Output out = world("show encyclopedia");
  EXPECT_EQ(out.status, 1);
  EXPECT_THAT(out.text, HasSubstr("encyclopaedia"));
}

TEST(WorldAudit, AShippedRecipeIsClean) {
  const Output out = world("audit " + kSprout);
  EXPECT_EQ(out.status, 0) << out.text;
  EXPECT_THAT(out.text, HasSubstr("\nclean\n"));
  EXPECT_THAT(out.text, HasSubstr("warning: text has below 2 % of answers of "));
  EXPECT_THAT(out.text, HasSubstr("text-davinci-002 of code-davinci-002: "));
}

// Some of so many stories of boxes begin like a test.
TEST(WorldAudit, ALeakIsNamedAndEndsWithStatusOne) {
  const Output out = world("audit " + kSprout +
                           " -n 300 --set world.seed=3 --set demonstrations.instruct.types=256"
                           " --set demonstrations.instruct.families='[\"F29\"]'"
                           " --set demonstrations.instruct.examples=30000");
  EXPECT_EQ(out.status, 1) << out.text;
  EXPECT_THAT(out.text, HasSubstr("\nleaks (!)\n"));
  EXPECT_THAT(out.text, HasSubstr("error: A14.boxes.moved/steps1: 2 of "));
  EXPECT_THAT(out.text, HasSubstr("stand in instruct by 13-grams, first item "));
  EXPECT_THAT(out.text, HasSubstr("help:  keep it out of the corpus, or state in "));
}

}  // namespace
}  // namespace lineage
