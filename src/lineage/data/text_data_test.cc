#include "lineage/data/text_data.h"

#include <cmath>

#include "lineage/base/config.h"
#include "lineage/data/loader.h"
#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

struct Config {
  std::map<std::string, SourceConfig> sources;
  RowsConfig rows;
};
template <class V>
void fields(V& v, Config& c) {
  v("sources", c.sources, "");
  fields(v, c.rows);
}

TextData data_in(const TempFolder& folder, const Config& config, int64_t context) {
  const ByteTokenizer tokenizer;
  std::vector<PreparedSource> sources;
  for (const auto& [name, source] : config.sources)
    sources.push_back(prepare_source(name, source, tokenizer, {.cache = folder.path() / "cache"}));
  return TextData(std::move(sources), config.rows, tokenizer, context, 1);
}

Config config_in(const TempFolder& folder) {
  std::string a, b;
  for (int i = 0; i < 300; ++i) {
    a += "Line " + std::to_string(i) + " of the first source.\n\n";
    b += "{\"body\": {\"text\": \"record " + std::to_string(i) + "\"}}\n";
  }
  folder.write("a.txt", a);
  folder.write("b.jsonl", b);
  return read_config<Config>(ConfigNode::parse(
      R"(packing = "packed"
[sources.lines]
paths = [")" +
          (folder.path() / "a.txt").string() + R"("]
split = "blank_lines"
weight = 3
licence = "CC0-1.0"
[sources.records]
kind = "jsonl"
paths = [")" +
          (folder.path() / "b.jsonl").string() + R"("]
field = "body.text"
weight = 1
)",
      "test.toml"));
}

TEST(TextData, FromARecipeToBatches) {
  const TempFolder folder;
  const Config config = config_in(folder);
  const TextData data = data_in(folder, config, 16);
  const Batch batch = data.batch(0, 8);
  EXPECT_EQ(batch.tokens.shape(), (Shape{8, 16}));
  EXPECT_EQ(batch.starts.numel(), 128);
  EXPECT_GT(batch.total_weight, 100);
  ASSERT_EQ(data.sources().size(), 2u);
  EXPECT_EQ(data.sources()[0].record.name, "lines");
  EXPECT_GT(data.heldout(0)->size(), 0);
  const auto records = data.records(4096);
  EXPECT_NEAR(records[0].epochs,
              3072.0 / static_cast<double>(data.mixture().shares()[0].dataset->size()), 1e-9);
  EXPECT_EQ(records[1].licences.at("unknown"), 300);
  EXPECT_EQ(records[1].documents + records[1].heldout_documents, 301) << "one is cut in two";
}

// The oracle of the masks: within a document every token but its first is a target, nowhere else.
TEST(TextData, RowsHoldTheDocuments) {
  const TempFolder folder;
  Config config = config_in(folder);
  for (const Packing packing : {Packing::packed, Packing::best_fit, Packing::single}) {
    config.rows.packing = packing;
    const TextData data = data_in(folder, config, 64);
    for (int64_t row = 0; row < 50; ++row) {
      const Batch b = data.batch(row, 1);
      const auto tokens = b.tokens.data<int32_t>(), targets = b.targets.data<int32_t>(),
                 starts = b.starts.data<int32_t>();
      const auto weights = b.weights.data<float>();
      for (size_t t = 0; t + 1 < 64; ++t) {
        const bool same_document = starts[t + 1] == starts[t];
        if (weights[t] > 0) {
          EXPECT_EQ(targets[t], tokens[t + 1]);
        }
        EXPECT_EQ(weights[t] > 0, same_document) << row << " " << t;
        if (weights[t] > 0) {
          EXPECT_NE(tokens[t], 256);
        }
      }
    }
  }
}

TEST(TextData, ResumesWhereItWas) {
  const TempFolder folder;
  const Config config = config_in(folder);
  const TextData first = data_in(folder, config, 16);
  const TextData again = data_in(folder, config, 16);
  EXPECT_EQ(first.digest(), again.digest());
  Loader loader([&](int64_t step) { return again.batch(step * 4, 4); }, 100);
  for (int64_t step = 100; step < 110; ++step) {
    const Batch a = first.batch(step * 4, 4), b = loader.next();
    EXPECT_TRUE(
        std::equal(a.tokens.bytes(), a.tokens.bytes() + a.tokens.byte_size(), b.tokens.bytes()));
    EXPECT_TRUE(std::equal(a.weights.bytes(), a.weights.bytes() + a.weights.byte_size(),
                           b.weights.bytes()));
  }
}

TEST(TextData, WantsASource) {
  const TempFolder folder;
  EXPECT_EQ(error_of([&] { data_in(folder, {}, 16); }),
            "data: there is no source; wanted at least one");
}

TEST(TextData, AConfigSurvivesItsFrozenCopy) {
  const TempFolder folder;
  const Config config = config_in(folder);
  const std::string toml = to_toml(config);
  EXPECT_EQ(to_toml(read_config<Config>(ConfigNode::parse(toml, "frozen"))), toml);
}

}  // namespace
}  // namespace lineage
