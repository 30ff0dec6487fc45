#include "lineage/data/shards.h"

#include "lineage/data/corpus.h"
#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

const std::string kTokenizer = digest_of("tokenizer");

std::string write_shard(const fs::path& path, const std::vector<std::vector<Token>>& documents,
                        int64_t vocab = 1000) {
  ShardWriter writer(kTokenizer, vocab);
  for (const auto& d : documents) writer.add(d, static_cast<int64_t>(d.size()) * 3);
  return writer.write(path);
}

// Fixes the CRC-32 of a header that a test has changed.
void put_crc(std::string& bytes) {
  const auto crc =
      static_cast<uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), 124));
  std::memcpy(bytes.data() + 124, &crc, 4);
}

TEST(Shards, RoundTripInTwoAndFourBytes) {
  const TempFolder folder;
  for (const int64_t vocab : {65536, 65537}) {
    const fs::path path = folder.path() / "a.tokens";
    const Token greatest = static_cast<Token>(vocab - 1);
    const std::string digest = write_shard(path, {{1, 2, 3}, {4}, {greatest, 6}}, vocab);
    EXPECT_EQ(fs::file_size(path), 128u + 4 * 8 + 6 * (vocab > 65536 ? 4 : 2));
    const Shard shard(path, kTokenizer, true);
    EXPECT_EQ(shard.digest(), digest);
    EXPECT_EQ(shard.stats().documents, 3);
    EXPECT_EQ(shard.stats().tokens, 6);
    EXPECT_EQ(shard.stats().bytes, 18);
    std::vector<Token> tokens(5);
    shard.copy(1, 5, tokens.data());
    EXPECT_EQ(tokens, (std::vector<Token>{2, 3, 4, greatest, 6}));
    const int64_t at[] = {0, 0, 0, 1, 2, 2};
    for (int64_t t = 0; t < 6; ++t) EXPECT_EQ(shard.document_at(t), at[t]) << t;
  }
}

TEST(Shards, BytesOnDiskDependOnTheDocumentsAlone) {
  const TempFolder folder;
  write_shard(folder.path() / "a", {{1, 2}, {3}});
  write_shard(folder.path() / "b", {{1, 2}, {3}});
  EXPECT_EQ(read_file(folder.path() / "a"), read_file(folder.path() / "b"));
}

TEST(Shards, EveryFlippedBitIsSeen) {
  const TempFolder folder;
  const fs::path path = folder.path() / "a.tokens";
  write_shard(path, {{1, 2, 3}, {4, 5}});
  const std::string good = read_file(path);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << i % 8));
    folder.write("b.tokens", bad);
    const std::string error =
        error_of([&] { Shard(folder.path() / "b.tokens", kTokenizer, true); });
    EXPECT_TRUE(error.starts_with((folder.path() / "b.tokens: ").string())) << i << error;
  }
}

TEST(Shards, DamageIsAClearError) {
  const TempFolder folder;
  const fs::path path = folder.path() / "a.tokens";
  write_shard(path, {{1, 2, 3}, {4, 5}});
  const std::string good = read_file(path);
  const auto error = [&](const std::string& bytes, const std::string& tokenizer = kTokenizer) {
    const std::string bad = folder.write("bad", bytes);
    EXPECT_EQ(hint_of([&] { Shard(bad, tokenizer, true); }),
              "remove the folder it lies in; it is made again from the source");
    return error_of([&] { Shard(bad, tokenizer, true); }).substr(bad.size() + 2);
  };
  const auto with = [&](size_t at, auto value) {
    std::string bytes = good;
    std::memcpy(bytes.data() + at, &value, sizeof value);
    put_crc(bytes);
    return bytes;
  };
  EXPECT_EQ(error(""), "0 bytes; wanted a shard, which has a header of 128");
  EXPECT_EQ(error(good.substr(0, 100)), "100 bytes; wanted a shard, which has a header of 128");
  EXPECT_EQ(error(std::string(200, 'x')),
            "it does not begin with LINEAGE; wanted a shard of tokens");
  EXPECT_EQ(
      error(good.substr(0, good.size() - 2)),
      "32 bytes after the header, for 2 documents of 5 tokens in all; wanted 34 bytes (the file "
      "was cut or grew)");
  for (const uint64_t absurd : {~uint64_t{0}, uint64_t{1} << 61, uint64_t{1} << 63}) {
    EXPECT_NE(error(with(16, absurd)).find("; wanted counts that fit"), std::string::npos);
    EXPECT_NE(error(with(24, absurd)).find("; wanted counts that fit"), std::string::npos);
  }
  EXPECT_EQ(error(with(8, uint32_t{7})), "format version 7; wanted version 1");
  EXPECT_EQ(error(with(12, uint32_t{3})), "tokens of 3 bytes; wanted 2 or 4");
  EXPECT_EQ(error(with(128 + 8, uint64_t{9})),
            "its document offsets are damaged; wanted them to ascend from 0 to 5");
  std::string flipped = good;
  flipped.back() ^= 1;
  EXPECT_NE(error(flipped).find("its content has SHA-256 "), std::string::npos);
  EXPECT_EQ(error(good, digest_of("another")),
            "it was made with tokenizer " + kTokenizer.substr(0, 12) + "; wanted this run's, " +
                digest_of("another").substr(0, 12));
  EXPECT_NO_THROW(Shard(folder.write("flipped", flipped), kTokenizer, false));
}

// The stream over several shards against the documents put end to end.
TEST(Corpus, IsTheDocumentsEndToEnd) {
  const TempFolder folder;
  std::vector<std::vector<Token>> documents;
  std::vector<Token> all;
  std::vector<size_t> begins;
  for (int d = 0; d < 40; ++d) {
    documents.emplace_back();
    for (int i = 0; i <= d * 7 % 11; ++i) documents.back().push_back(d * 20 + i);
    begins.push_back(all.size());
    all.insert(all.end(), documents.back().begin(), documents.back().end());
  }
  std::vector<fs::path> shards;
  for (size_t d = 0; d < documents.size(); d += 9) {
    shards.push_back(folder.path() / std::to_string(d));
    write_shard(shards.back(),
                {documents.begin() + static_cast<int64_t>(d),
                 documents.begin() + static_cast<int64_t>(std::min(d + 9, documents.size()))});
  }
  const Corpus corpus("c", shards, kTokenizer, true);
  ASSERT_EQ(corpus.size(), 40);
  ASSERT_EQ(corpus.tokens(), static_cast<int64_t>(all.size()));
  EXPECT_EQ(corpus.bytes(), static_cast<int64_t>(all.size()) * 3);
  for (int64_t d = 0; d < 40; ++d) {
    const auto& document = documents[d];
    const auto n = static_cast<int64_t>(document.size());
    EXPECT_EQ(corpus.get(d).tokens, document);
    EXPECT_EQ(corpus.piece(d, n / 2, n - n / 2).tokens,
              std::vector<Token>(document.begin() + n / 2, document.end()));
    EXPECT_EQ(corpus.length(d), static_cast<int64_t>(documents[d].size()));
  }
  for (size_t first = 0; first < all.size(); ++first)
    for (size_t count = 0; first + count <= all.size(); count += 7) {
      const Example row = corpus.stream(static_cast<int64_t>(first), static_cast<int64_t>(count));
      const auto begin = all.begin() + static_cast<int64_t>(first);
      ASSERT_EQ(row.tokens, std::vector<Token>(begin, begin + static_cast<int64_t>(count)));
      std::vector<int32_t> starts;
      for (const size_t b : begins)
        if (b > first && b < first + count) starts.push_back(static_cast<int32_t>(b - first));
      ASSERT_EQ(row.starts, starts) << first << " " << count;
    }
}

}  // namespace
}  // namespace lineage
