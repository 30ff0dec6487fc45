#include "lineage/base/error.h"

#include <gtest/gtest.h>

#include <string>

namespace lineage {
namespace {

TEST(Error, CarriesWhatAndHint) {
  const Error e("a.toml:3: six; wanted 6", "write a number");
  EXPECT_STREQ(e.what(), "a.toml:3: six; wanted 6");
  EXPECT_EQ(e.hint(), "write a number");
  EXPECT_EQ(Error("x").hint(), "");
}

TEST(Error, RequireThrowsOnlyWhenItDoesNotHold) {
  EXPECT_NO_THROW(require(true, "x"));
  try {
    require(false, "linear: x has ", 3, " columns; wanted ", 4.5, std::string("!"));
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "linear: x has 3 columns; wanted 4.5!");
  }
}

}  // namespace
}  // namespace lineage
