#include "lineage/world/hidden_functions.h"

#include <gtest/gtest.h>

#include <set>

namespace lineage {
namespace {

TEST(HiddenFunctions, DoWhatTheyAreCalled) {
  const World world{WorldConfig{}};
  using Kind = HiddenFunction::Kind;
  const auto of = [&](Kind kind, PatternValue input, int parameter = 0) {
    return apply(world, {kind, parameter}, input);
  };
  EXPECT_EQ(of(Kind::reverse, {1, 3, 0}), (PatternValue{0, 3, 1}));
  EXPECT_EQ(of(Kind::sort, {1, 3, 0}), (PatternValue{0, 1, 3}));
  EXPECT_EQ(of(Kind::rotate_left, {1, 3, 0}), (PatternValue{3, 0, 1}));
  EXPECT_EQ(of(Kind::rotate_right, {1, 3, 0}), (PatternValue{0, 1, 3}));
  EXPECT_EQ(of(Kind::swap_ends, {1, 3, 0}), (PatternValue{0, 3, 1}));
  EXPECT_EQ(of(Kind::drop_first, {1, 3}), (PatternValue{3}));
  EXPECT_EQ(of(Kind::drop_last, {1, 3}), (PatternValue{1}));
  EXPECT_EQ(of(Kind::first, {1, 3}), (PatternValue{1}));
  EXPECT_EQ(of(Kind::last, {1, 3}), (PatternValue{3}));
  EXPECT_EQ(of(Kind::double_first, {1, 3}), (PatternValue{1, 1, 3}));
  EXPECT_EQ(of(Kind::double_last, {1, 3}), (PatternValue{1, 3, 3}));
  EXPECT_EQ(of(Kind::append, {1, 3}, 25), (PatternValue{1, 3, 25}));
  EXPECT_EQ(of(Kind::prepend, {1, 3}, 25), (PatternValue{25, 1, 3}));
  EXPECT_EQ(of(Kind::add, {30}, 15), (PatternValue{45}));
  EXPECT_EQ(of(Kind::subtract, {10}, 10), (PatternValue{0}));
  std::set<int> images;
  for (int x = 0; x < 12; ++x) images.insert(of(Kind::relabel, {x}, 3)[0]);
  EXPECT_EQ(images.size(), 12u);
}

TEST(HiddenFunctions, TrainingAndTestsShareNone) {
  for (int64_t functions : {1, 48, 64}) {
    WorldConfig config;
    config.functions = functions;
    const World world(config);
    std::set<std::string> names;
    for (const auto& f : training_functions(world)) names.insert(f.name());
    EXPECT_EQ(names.size(), static_cast<size_t>(functions));
    for (const auto& f : heldout_functions(world)) EXPECT_TRUE(names.insert(f.name()).second);
  }
}

TEST(HiddenFunctions, LinesReadAsInTheSpecification) {
  const World world{WorldConfig{}};
  const HiddenFunction reverse{HiddenFunction::Kind::reverse};
  const PatternValue input = {1, 3, 0};
  DocumentWriter out(DocumentType::bursty);
  write_input(out, reverse, input);
  write_output(out, reverse, apply(world, reverse, input));
  EXPECT_EQ(Vocabulary::get().tokenizer()->decode(out.finish().tokens),
            "[ b d a ] -> [ a d b ] <eos>");
  Draw draw(Rng(1));
  int tests = 0;
  for (int i = 0; i < 2000; ++i) tests += is_test_input(reverse, random_input(reverse, draw));
  EXPECT_NEAR(tests, 200, 60);
}

}  // namespace
}  // namespace lineage
