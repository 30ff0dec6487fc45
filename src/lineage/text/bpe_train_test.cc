#include "lineage/text/bpe_train.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "lineage/base/file.h"
#include "lineage/base/testing.h"
#include "lineage/text/testing.h"
#include "lineage/text/tokenizer_files.h"

namespace lineage {
namespace {

// The algorithm as the definition has it: count all pairs, join the greatest, start again.
std::vector<std::string> naive_tokens(const std::vector<std::string>& documents, Pattern pattern,
                                      size_t merges, int64_t min_frequency) {
  using Word = std::vector<std::string>;
  std::map<Word, int64_t> words;
  for (const std::string& text : documents) {
    const char *p = text.data(), *end = p + text.size();
    while (p < end) {
      Word word;
      for (const char* q = p + first_piece(pattern, p, end); p < q; ++p) word.emplace_back(1, *p);
      ++words[word];
    }
  }
  std::vector<std::string> learned;
  while (learned.size() < merges) {
    std::map<std::pair<std::string, std::string>, int64_t> pairs;
    for (const auto& [word, count] : words)
      for (size_t i = 0; i + 1 < word.size(); ++i) pairs[{word[i], word[i + 1]}] += count;
    std::pair<std::string, std::string> best;
    int64_t most = 0;
    for (const auto& [pair, count] : pairs)  // in rising order: the last of equals is greatest
      if (count >= most) best = pair, most = count;
    if (most < min_frequency || pairs.empty()) break;
    learned.push_back(best.first + best.second);
    std::map<Word, int64_t> joined;
    for (const auto& [word, count] : words) {
      Word next;
      for (size_t i = 0; i < word.size(); ++i) {
        const bool here =
            i + 1 < word.size() && word[i] == best.first && word[i + 1] == best.second;
        next.push_back(here ? word[i] + word[i + 1] : word[i]);
        i += here;
      }
      joined[next] += count;
    }
    words = joined;
  }
  return learned;
}

std::vector<std::string_view> views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

std::vector<std::string> learned_tokens(const BpeTokenizer& tokenizer) {
  std::vector<std::string> out;
  for (const auto& merge : tokenizer.model().merges)
    out.emplace_back(tokenizer.token_bytes(merge.result));
  return out;
}

TEST(BpeTrain, AgreesWithTheDefinition) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const Rng rng = Rng(seed).fold("train");
    // Few letters make many ties and overlapping pairs.
    const std::vector<std::string> parts =
        seed % 2 ? std::vector<std::string>{"a", "a", "b", " ", "aa", "ab"}
                 : testing::hard_parts(true);
    std::vector<std::string> documents;
    for (uint64_t d = 0; d < 6; ++d)
      documents.push_back(testing::random_text(rng.fold(d), 80, parts));
    const Pattern pattern = seed % 4 < 2 ? Pattern::gpt2 : Pattern::cl100k;
    const int64_t min_frequency = 1 + static_cast<int64_t>(seed % 3);
    const auto tokenizer = train_bpe(
        {.vocab = 316, .pattern = pattern, .specials = {}, .min_frequency = min_frequency},
        views(documents));
    ASSERT_EQ(learned_tokens(*tokenizer), naive_tokens(documents, pattern, 60, min_frequency))
        << "seed " << seed;
  }
}

TEST(BpeTrain, NeitherThreadsNorOrderNorSplittingMatter) {
  std::vector<std::string> documents;
  for (uint64_t d = 0; d < 300; ++d)
    documents.push_back(testing::random_text(Rng(d).fold("doc"), 400, testing::hard_parts(true)));
  std::string long_one;  // shared by threads in blocks
  for (uint64_t d = 0; d < 3000; ++d)
    long_one +=
        testing::random_text(Rng(d).fold("long"), 120, {"the", " ", "cat", "s", " and", "\n"});
  documents.push_back(long_one);
  const BpeTrainOptions options{.vocab = 700};
  std::string digest;
  for (int threads : {1, 2, 5}) {
    const testing::UseThreads scope(threads);
    const std::string now = train_bpe(options, views(documents))->digest();
    if (digest.empty()) digest = now;
    EXPECT_EQ(now, digest) << threads << " threads";
    std::reverse(documents.begin(), documents.end());
  }
  // One text with delimiters is the same as many documents.
  std::string joined;
  for (const std::string& d : documents) joined += d + "<|endoftext|>";
  EXPECT_EQ(train_bpe(options, std::vector<std::string_view>{joined})->digest(), digest);
}

TEST(BpeTrain, DelimitersAreNeverMergedAcrossNorLearned) {
  const std::string text(4000, 'x');
  std::string delimited;
  for (int i = 0; i < 2000; ++i) delimited += "ab<|endoftext|>";
  const auto tokenizer = train_bpe({.vocab = 1000}, std::vector<std::string_view>{delimited});
  EXPECT_EQ(learned_tokens(*tokenizer), std::vector<std::string>{"ab"});
  EXPECT_EQ(tokenizer->vocab(), 258);  // the text has no more to learn
  EXPECT_EQ(tokenizer->special(Special::end_of_text), 257);
  EXPECT_EQ(tokenizer->encode("<|endoftext|>").size(), 13u);
}

TEST(BpeTrain, TwoDocumentsAreNotOneText) {
  const auto apart = train_bpe({.vocab = 300, .specials = {}},
                               std::vector<std::string_view>{"a", "b", "a", "b", "a", "b"});
  EXPECT_TRUE(apart->model().merges.empty());
}

TEST(BpeTrain, LongRunsOfOneCharacter) {
  const std::string text(100000, 'x');
  const auto tokenizer =
      train_bpe({.vocab = 264, .specials = {}}, std::vector<std::string_view>{text});
  EXPECT_EQ(learned_tokens(*tokenizer).back(), std::string(256, 'x'));
  EXPECT_EQ(tokenizer->encode(text).size(), 100000u / 256 + 2);  // 160 left: 128 and 32
}

TEST(BpeTrain, ReproducesTheReference) {
  const fs::path folder = testing::shared_folder() / "data/tokenizer/cs336_bpe_training";
  LINEAGE_SKIP_WITHOUT(folder / "corpus.en");
  BpeTrainer trainer({.vocab = 500, .specials_first = true, .min_frequency = 1});
  trainer.add_file(folder / "corpus.en");
  const auto tokenizer = trainer.train();
  const Gpt2Files files = gpt2_files(tokenizer->model());
  EXPECT_EQ(files.merges_txt,
            "#version: 0.2\n" + read_file(folder / "train-bpe-reference-merges.txt"));
  EXPECT_EQ(nlohmann::json::parse(files.vocab_json),
            nlohmann::json::parse(read_file(folder / "train-bpe-reference-vocab.json")));
}

TEST(BpeTrain, BadOptionsAndEmptyTextAreErrors) {
  EXPECT_EQ(testing::error_of([] { BpeTrainer({.vocab = 256}); }),
            "tokenizer: a vocabulary of 256; wanted 257 (256 bytes and the special tokens) to "
            "16777216");
  EXPECT_EQ(testing::error_of([] {
              BpeTrainer({.vocab = 500, .specials = {"<a>", "<a>"}});
            }),
            "tokenizer: the special token \"<a>\"; wanted texts of two characters or more, each "
            "once");
  EXPECT_EQ(testing::error_of([] { BpeTrainer({.vocab = 500}).train(); }),
            "tokenizer: the 0 documents to train on hold no text; wanted some");
  const testing::TempFolder folder;
  std::ofstream(folder / "empty.txt");
  BpeTrainer trainer({.vocab = 500});
  trainer.add_file(folder / "empty.txt");
  EXPECT_EQ(testing::error_of([&] { trainer.train(); }),
            "tokenizer: the 1 documents to train on hold no text; wanted some");
  EXPECT_NE(testing::error_of([&] { trainer.add_file(folder / "none.txt"); }).find("none.txt"),
            std::string::npos);
}

}  // namespace
}  // namespace lineage
