#include "lineage/data/loader.h"

#include <atomic>

#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

Batch batch_of(int64_t step) {
  const std::vector<Example> rows = {{{static_cast<Token>(step), 1}, {1, 1}, {}}};
  return collate(rows, {.context = 1});
}

TEST(Loader, GivesTheStepsInOrder) {
  for (const int64_t depth : {1, 4}) {
    Loader loader(batch_of, 7, depth);
    for (int32_t step = 7; step < 60; ++step)
      EXPECT_EQ(loader.next().tokens.data<int32_t>()[0], step);
  }
}

TEST(Loader, WaitsAtItsDepth) {
  std::atomic<int64_t> made = 0;
  {
    Loader loader([&](int64_t step) { return ++made, batch_of(step); }, 0, 3);
    loader.next();
    loader.next();
  }
  EXPECT_LE(made, 2 + 3 + 1);
}

TEST(Loader, FailuresComeAtTheirStep) {
  Loader loader(
      [](int64_t step) {
        if (step == 2) throw Error("step 2");
        return batch_of(step);
      },
      0);
  loader.next();
  loader.next();
  EXPECT_EQ(error_of([&] { loader.next(); }), "step 2");
  EXPECT_EQ(error_of([&] { loader.next(); }), "step 2");
}

TEST(Loader, MayBeLeftAtAnyTime) {
  for (int i = 0; i < 50; ++i) Loader loader(batch_of, 0, 2);
}

}  // namespace
}  // namespace lineage
