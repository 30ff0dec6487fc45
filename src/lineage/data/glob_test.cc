#include "lineage/data/glob.h"

#include <gtest/gtest.h>

namespace lineage {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  return Glob(pattern).matches(path);
}

TEST(Glob, APatternWithoutSlashLooksAtTheName) {
  EXPECT_TRUE(matches("*.py", "a.py"));
  EXPECT_TRUE(matches("*.py", "deep/down/a.py"));
  EXPECT_FALSE(matches("*.py", "a.pyc"));
  EXPECT_TRUE(matches("node_modules", "web/node_modules"));
  EXPECT_FALSE(matches("a?c", "ac"));
  EXPECT_TRUE(matches("a?c", "abc"));
  EXPECT_TRUE(matches("*", "anything"));
}

TEST(Glob, StarStopsAtSlashAndTwoStarsDoNot) {
  EXPECT_TRUE(matches("src/*.cc", "src/a.cc"));
  EXPECT_FALSE(matches("src/*.cc", "src/b/a.cc"));
  EXPECT_TRUE(matches("src/**/*.cc", "src/a.cc"));
  EXPECT_TRUE(matches("src/**/*.cc", "src/b/c/a.cc"));
  EXPECT_TRUE(matches("**/test/**", "a/test/b/c"));
  EXPECT_FALSE(matches("**/test/*", "a/test"));
  EXPECT_FALSE(matches("./*.cc", "src/a.cc"));
  EXPECT_TRUE(matches("./*.cc", "a.cc"));
}

TEST(Glob, SetsAndBraces) {
  EXPECT_TRUE(matches("[a-c]x", "bx"));
  EXPECT_FALSE(matches("[!a-c]x", "bx"));
  EXPECT_TRUE(matches("[!a-c]x", "dx"));
  EXPECT_TRUE(matches("[]x]", "]"));
  EXPECT_TRUE(matches("[x", "[x"));  // no set: itself
  EXPECT_TRUE(matches("*.{py,pyi}", "m/a.pyi"));
  EXPECT_TRUE(matches("*.{warc,wet}.{gz,zst}", "a.wet.zst"));
  EXPECT_FALSE(matches("*.{py,pyi}", "a.pyx"));
  EXPECT_TRUE(matches("{a", "{a"));
}

TEST(Glob, ManyStarsAreNotSlow) {
  const std::string name(3000, 'a');
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "*a";
  EXPECT_FALSE(matches(pattern + "b", name));
  EXPECT_TRUE(matches(pattern, name));
}

}  // namespace
}  // namespace lineage
