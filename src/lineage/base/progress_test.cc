#include "lineage/base/progress.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lineage {
namespace {

class Lines final : public Progress {
 public:
  void update(std::string_view what, double fraction, std::string_view detail) override {
    last = fmt::format("{} {:.2f} {}", what, fraction, detail);
  }
  void note(std::string_view line) override { notes.emplace_back(line); }

  std::string last;
  std::vector<std::string> notes;
};

TEST(JointProgress, AddsUpByCostAndSaysWhoIsAtWork) {
  Lines lines;
  JointProgress joint(lines, "growing", {3, 1});
  auto a = joint.piece(0, "a"), b = joint.piece(1, "b");
  a->update("ignored", 0.5, "step 5");
  EXPECT_EQ(lines.last, "growing 0.38 a step 5");
  b->update("ignored", 0.2, "step 2");
  EXPECT_EQ(lines.last, "growing 0.42 a step 5 | b step 2");
  a.reset();  // done
  EXPECT_EQ(lines.last, "growing 0.80 b step 2");
  b->note("b: kept");
  EXPECT_EQ(lines.notes, std::vector<std::string>{"b: kept"});
  b.reset();
  EXPECT_EQ(lines.last, "growing 1.00 ");
}

}  // namespace
}  // namespace lineage
