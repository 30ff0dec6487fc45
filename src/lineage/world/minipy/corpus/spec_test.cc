#include "lineage/world/minipy/corpus/spec.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace lineage {
namespace {

TEST(Spec, BodiesDoWhatTheSpecSays) {
  for (uint64_t i = 0; i < 3000; ++i) {
    Draw draw(Rng(1).fold(i));
    const Spec spec = draw_spec(draw);
    Draft draft;
    add_head(spec, "f", "a", false, draft);
    add_body(spec, "a", draw, draft);
    const SpecValue argument = draw_argument(spec, draw);
    draft.add(0, "print ( f ( " + code(argument) + " ) )");
    const minipy::RunResult r = minipy::run_words(draft.tokens());
    ASSERT_EQ(r.output, text(apply(spec, argument)) + "\n") << docstring(spec) << r.message;
  }
}

TEST(Spec, DocstringsTellSpecsApart) {
  std::map<std::string, uint64_t> keys;
  std::set<uint64_t> seen;
  int64_t held_out = 0;
  for (uint64_t i = 0; i < 60000; ++i) {
    Draw draw(Rng(2).fold(i));
    const Spec spec = draw_spec(draw);
    const auto [at, added] = keys.emplace(docstring(spec), spec.key());
    EXPECT_EQ(at->second, spec.key()) << docstring(spec);
    if (added) held_out += spec.key() % 10 == 0;
    seen.insert(spec.key());
  }
  EXPECT_EQ(seen.size(), keys.size());
  EXPECT_GT(keys.size(), 3000u);
  EXPECT_NEAR(static_cast<double>(held_out) / static_cast<double>(keys.size()), 0.1, 0.02);
}

TEST(Spec, SidesOfTheSplitAreDisjoint) {
  CodeContext train, test;
  test.test = true;
  for (uint64_t i = 0; i < 500; ++i) {
    Draw a(Rng(3).fold(i)), b(Rng(3).fold(i));
    EXPECT_NE(draw_spec(train, a).key() % 10, 0u);
    EXPECT_EQ(draw_spec(test, b).key() % 10, 0u);
  }
}

TEST(Spec, BugsChangeTheBody) {
  int bugs = 0;
  for (uint64_t i = 0; i < 500; ++i) {
    Draw draw(Rng(4).fold(i));
    const Spec spec = draw_spec(draw);
    Draft wrong, right;
    if (!add_buggy_body(spec, "a", draw, wrong)) continue;
    ++bugs;
    EXPECT_FALSE(wrong.lines.empty());
    Draw same(Rng(4).fold(i));
    add_body(spec, "a", same, right);
    EXPECT_NE(wrong.tokens(), right.tokens());
  }
  EXPECT_GT(bugs, 200);
}

}  // namespace
}  // namespace lineage
