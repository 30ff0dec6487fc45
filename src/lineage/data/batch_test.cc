#include "lineage/data/batch.h"

#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

template <class T>
std::vector<T> values(const Tensor& x) {
  const auto data = x.data<T>();
  return {data.begin(), data.end()};
}
using I = std::vector<int32_t>;
using F = std::vector<float>;

Example example(std::vector<Token> tokens, std::vector<int32_t> starts = {}) {
  return {tokens, F(tokens.size(), 1.f), starts};
}

// Two documents, 1 2 9 and 3 4 9, and the beginning of a third.
const Example kPacked = example({1, 2, 9, 3, 4, 9, 5}, {3, 6});

TEST(Batch, MaskedDocumentsDoNotSeeEachOther) {
  const Batch b = collate(std::vector{kPacked}, {.context = 6});
  EXPECT_EQ(b.tokens.shape(), (Shape{1, 6}));
  EXPECT_EQ(values<int32_t>(b.tokens), (I{1, 2, 9, 3, 4, 9}));
  EXPECT_EQ(values<int32_t>(b.targets), (I{2, 9, 3, 4, 9, 5}));
  EXPECT_EQ(values<float>(b.weights), (F{1, 1, 0, 1, 1, 0}));
  EXPECT_EQ(values<int32_t>(b.starts), (I{0, 0, 0, 3, 3, 3}));
  EXPECT_EQ(values<int32_t>(b.positions), (I{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(b.total_weight, 4);
}

TEST(Batch, UnmaskedPackingTrainsOnEveryToken) {
  const Batch b = collate(std::vector{kPacked}, {.context = 6, .mask_documents = false});
  EXPECT_EQ(values<float>(b.weights), F(6, 1.f));
  EXPECT_TRUE(b.starts.empty());
  EXPECT_EQ(values<int32_t>(b.positions), (I{0, 1, 2, 3, 4, 5}));
}

TEST(Batch, PositionsMayRestartWithEachDocument) {
  for (const bool mask : {false, true}) {
    const Batch b = collate(std::vector{kPacked},
                            {.context = 6, .mask_documents = mask, .reset_positions = true});
    EXPECT_EQ(values<int32_t>(b.positions), (I{0, 1, 2, 0, 1, 2}));
  }
}

TEST(Batch, ShortRowsArePaddedAndWeighNothing) {
  const Batch b = collate(std::vector{example({1, 2, 9}), example({5})}, {.context = 4, .pad = 7});
  EXPECT_EQ(values<int32_t>(b.tokens), (I{1, 2, 9, 7, 5, 7, 7, 7}));
  EXPECT_EQ(values<int32_t>(b.targets), (I{2, 9, 7, 7, 7, 7, 7, 7}));
  EXPECT_EQ(values<float>(b.weights), (F{1, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(values<int32_t>(b.starts), (I{0, 0, 0, 3, 0, 1, 2, 3}));
}

TEST(Batch, WeightsBelongToTheTargets) {
  Example prompted = example({1, 2, 3, 9});
  prompted.weights = {0, 0, 0.5, 2};
  const Batch b = collate(std::vector{prompted}, {.context = 4});
  EXPECT_EQ(values<float>(b.weights), (F{0, 0.5, 2, 0}));
  EXPECT_EQ(b.total_weight, 2.5);
}

TEST(Batch, TooLongAnExampleIsAnError) {
  EXPECT_NO_THROW(collate(std::vector{example({1, 2, 3})}, {.context = 2}));
  EXPECT_EQ(error_of([] {
              collate(std::vector{example({1, 2, 3, 4})}, {.context = 2});
            }),
            "batch: an example has 4 tokens; wanted at most 3 (context 2 and the next token)");
}

TEST(Batch, InOrderStopsAtTheEnd) {
  const auto data = examples_dataset("d", {example({1, 2}), example({3, 4}), example({5, 6})});
  const Batch b = batch_in_order(*data, 1, 8, {.context = 1});
  EXPECT_EQ(values<int32_t>(b.tokens), (I{3, 5}));
}

TEST(Dataset, DigestTellsExamplesApart) {
  const auto digest = [](std::vector<Example> e) { return examples_dataset("d", e)->digest(); };
  EXPECT_EQ(digest({example({1, 2})}), digest({example({1, 2})}));
  EXPECT_NE(digest({example({1, 2})}), digest({example({1}), example({2})}));
  Example weighted = example({1, 2});
  weighted.weights[1] = 0;
  EXPECT_NE(digest({weighted}), digest({example({1, 2})}));
  EXPECT_EQ(error_of([&] {
              digest({{{1, 2}, {1.f}, {}}});
            }),
            "dataset d: an example has 2 tokens and 1 weights; wanted as many");
}

}  // namespace
}  // namespace lineage
