#include "lineage/data/packing.h"

#include <map>
#include <numeric>

#include "lineage/base/rng.h"
#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

// Documents of the given lengths; tokens are 0, 1, 2, … through all of them.
std::vector<std::vector<Token>> counted(const std::vector<int>& lengths) {
  std::vector<std::vector<Token>> documents;
  Token next = 0;
  for (const int n : lengths) {
    documents.emplace_back(static_cast<size_t>(n));
    std::iota(documents.back().begin(), documents.back().end(), next);
    next += n;
  }
  return documents;
}

CorpusPtr corpus_of(const TempFolder& folder, const std::vector<int>& lengths) {
  const std::string tokenizer = digest_of("t");
  ShardWriter writer(tokenizer, 1 << 20);
  for (const auto& d : counted(lengths)) writer.add(d, 1);
  writer.write(folder.path() / "s");
  return std::make_shared<Corpus>("c", std::vector{folder.path() / "s"}, tokenizer, true);
}

DatasetPtr dataset_of(const std::vector<int>& lengths) {
  std::vector<Example> examples;
  for (const auto& d : counted(lengths))
    examples.push_back({d, std::vector<float>(d.size(), 1.f), {}});
  return examples_dataset("d", std::move(examples));
}

std::vector<int> random_lengths(int documents, int longest) {
  std::vector<int> lengths;
  const Rng rng = Rng(5).fold("lengths");
  for (int i = 0; i < documents; ++i)
    lengths.push_back(
        1 + static_cast<int>(rng.below(static_cast<uint64_t>(longest), static_cast<uint64_t>(i))));
  return lengths;
}

TEST(PackedRows, PredictEveryTokenOnce) {
  const TempFolder folder;
  for (const int total : {2, 3, 9, 10, 11, 21}) {
    const DatasetPtr rows = packed_rows(corpus_of(folder, {1, total - 1}), 10);
    std::vector<Token> targets;
    for (int64_t r = 0; r < rows->size(); ++r) {
      const Example row = rows->get(r);
      EXPECT_EQ(static_cast<int64_t>(row.tokens.size()), rows->length(r));
      EXPECT_EQ(row.tokens[0], r * 10);
      targets.insert(targets.end(), row.tokens.begin() + 1, row.tokens.end());
    }
    std::vector<Token> wanted(static_cast<size_t>(total - 1));
    std::iota(wanted.begin(), wanted.end(), 1);
    EXPECT_EQ(targets, wanted) << total;
  }
  EXPECT_EQ(packed_rows(corpus_of(folder, {1}), 10)->size(), 0);
}

// Each document's tokens but its first are predicted exactly once, from inside that document, and
// no row is too long.
void expect_whole(const std::vector<int>& lengths, int64_t context, bool join) {
  const DatasetPtr rows = fitted_rows(dataset_of(lengths), context, join);
  const auto documents = counted(lengths);
  std::map<Token, Token> before;  // target -> the token before it
  for (int64_t r = 0; r < rows->size(); ++r) {
    const Example row = rows->get(r);
    ASSERT_LE(static_cast<int64_t>(row.tokens.size()), context + 1);
    std::vector<char> starts(row.tokens.size(), 0);
    for (const int32_t s : row.starts) starts[s] = 1;
    if (!join) {
      EXPECT_TRUE(row.starts.empty());
    }
    for (size_t t = 1; t < row.tokens.size(); ++t)
      if (!starts[t]) {
        ASSERT_TRUE(before.emplace(row.tokens[t], row.tokens[t - 1]).second);
      }
  }
  size_t wanted = 0;
  for (const auto& d : documents) {
    for (size_t t = 1; t < d.size(); ++t) ASSERT_EQ(before.at(d[t]), d[t - 1]);
    wanted += d.size() - 1;
  }
  EXPECT_EQ(before.size(), wanted);
}

TEST(FittedRows, KeepDocumentsWhole) {
  for (const bool join : {false, true}) {
    expect_whole({3, 3, 3}, 10, join);
    expect_whole({11, 12, 1, 22, 31, 5, 21}, 10, join);
    expect_whole(random_lengths(500, 40), 16, join);
    expect_whole(random_lengths(500, 10), 64, join);
  }
}

TEST(FittedRows, OnlyLongDocumentsAreCut) {
  const DatasetPtr rows = fitted_rows(dataset_of({11, 4, 6}), 10);
  ASSERT_EQ(rows->size(), 2);
  EXPECT_EQ(rows->get(0).tokens.size(), 11u);
  const Example joined = rows->get(1);
  EXPECT_EQ(joined.tokens.size(), 10u);
  EXPECT_EQ(joined.starts, std::vector<int32_t>{4});
  EXPECT_EQ(joined.tokens[0], 11);
}

TEST(FittedRows, FillRowsWell) {
  const std::vector<int> lengths = random_lengths(4000, 64);
  const DatasetPtr rows = fitted_rows(dataset_of(lengths), 127);
  const double tokens = std::accumulate(lengths.begin(), lengths.end(), 0.0);
  EXPECT_LT(static_cast<double>(rows->size()) * 128, tokens * 1.01);
}

// A piece cut from a row with several documents keeps their starts.
TEST(Dataset, PiecesKeepTheirStarts) {
  const auto rows = examples_dataset("d", {{{1, 2, 3, 4, 5}, {0, 1, 2, 3, 4}, {1, 2, 4}}});
  const Example piece = rows->piece(0, 1, 3);
  EXPECT_EQ(piece.tokens, (std::vector<Token>{2, 3, 4}));
  EXPECT_EQ(piece.weights, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(piece.starts, std::vector<int32_t>{1});
}

TEST(FittedRows, KeepWeights) {
  const DatasetPtr rows =
      fitted_rows(examples_dataset("d", {{{1, 2, 3}, {0, 0, 1}, {}}, {{4, 5}, {0, 2}, {}}}), 8);
  ASSERT_EQ(rows->size(), 1);
  EXPECT_EQ(rows->get(0).weights, (std::vector<float>{0, 0, 1, 0, 2}));
}

TEST(Packing, DigestsDiffer) {
  const TempFolder folder;
  const CorpusPtr corpus = corpus_of(folder, {5, 6});
  std::map<std::string, int> digests;
  for (const Packing p : {Packing::packed, Packing::best_fit, Packing::single})
    for (const int64_t context : {4, 8}) ++digests[rows_of(corpus, p, context)->digest()];
  EXPECT_EQ(digests.size(), 6u);
}

}  // namespace
}  // namespace lineage
