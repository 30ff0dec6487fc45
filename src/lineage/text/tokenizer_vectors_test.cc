// Against published vocabularies and encodings, which are outside the repository.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lineage/base/file.h"
#include "lineage/text/bpe_tokenizer.h"
#include "lineage/text/testing.h"
#include "lineage/text/tokenizer_files.h"
#include "lineage/text/unicode.h"

namespace lineage {
namespace {

fs::path shared_file(std::string_view name) {
  return testing::shared_folder() / "data/tokenizer" / name;
}

struct Vector {
  std::string encoding, text;
  std::vector<Token> tokens;
};

// Blocks of "EncodingName: …", "Sample: …", "Encoded: [1, 2]"; a sample may hold line feeds.
std::vector<Vector> read_vectors(const fs::path& path) {
  const std::string text = read_file(path);
  std::vector<Vector> vectors;
  const std::string a = "EncodingName: ", b = "\nSample: ", c = "\nEncoded: [";
  for (size_t at = text.find(a); at != std::string::npos; at = text.find(a, at)) {
    const size_t sample = text.find(b, at), encoded = text.find(c, sample);
    const size_t close = text.find(']', encoded);
    Vector v;
    v.encoding = text.substr(at + a.size(), sample - at - a.size());
    v.text = text.substr(sample + b.size(), encoded - sample - b.size());
    std::istringstream numbers(text.substr(encoded + c.size(), close - encoded - c.size()));
    for (std::string number; std::getline(numbers, number, ',');)
      v.tokens.push_back(std::stoi(number));
    vectors.push_back(std::move(v));
    at = close;
  }
  return vectors;
}

std::shared_ptr<const Tokenizer> ranks(const std::string& encoding) {
  static std::map<std::string, std::shared_ptr<const Tokenizer>> loaded;
  auto& tokenizer = loaded[encoding];
  if (tokenizer) return tokenizer;
  if (encoding == "p50k_edit")  // the same ranks with more special tokens
    return tokenizer = load_tiktoken(shared_file("tiktoken_ranks/p50k_base.tiktoken"),
                                     *known_rank_file(encoding));
  return tokenizer = Tokenizer::load(shared_file("tiktoken_ranks/" + encoding + ".tiktoken"));
}

class Vectors : public ::testing::TestWithParam<std::string> {};

TEST_P(Vectors, AllMatchAndDecode) {
  LINEAGE_SKIP_WITHOUT(shared_file("tiktoken_ranks/TestPlans.txt"));
  const auto tokenizer = ranks(GetParam());
  int compared = 0;
  for (const Vector& v : read_vectors(shared_file("tiktoken_ranks/TestPlans.txt"))) {
    if (v.encoding != GetParam()) continue;
    EXPECT_EQ(tokenizer->encode(v.text), v.tokens) << v.text;
    EXPECT_EQ(tokenizer->decode(v.tokens), v.text);
    ++compared;
  }
  EXPECT_EQ(compared, 64);
}

INSTANTIATE_TEST_SUITE_P(All, Vectors,
                         ::testing::Values("r50k_base", "p50k_base", "p50k_edit", "cl100k_base"),
                         [](const auto& test) { return test.param; });

TEST(Gpt2Vocab, IsTheSameTokenizerAsR50k) {
  LINEAGE_SKIP_WITHOUT(shared_file("gpt2_vocab/encoder.json"));
  const auto gpt2 = Tokenizer::load(shared_file("gpt2_vocab"));
  const auto r50k = ranks("r50k_base");
  EXPECT_EQ(gpt2->vocab(), 50257);
  EXPECT_EQ(gpt2->special(Special::end_of_text), 50256);
  // The digest covers every token, merge and special token.
  EXPECT_EQ(gpt2->digest(), r50k->digest());
  for (const Vector& v : read_vectors(shared_file("tiktoken_ranks/TestPlans.txt")))
    if (v.encoding == "r50k_base") {
      EXPECT_EQ(gpt2->encode(v.text), v.tokens);
    }
}

// Each form, written in the other, is the published file to the byte.
TEST(Gpt2Vocab, RanksAndMergesAreWrittenAsPublished) {
  LINEAGE_SKIP_WITHOUT(shared_file("gpt2_vocab/encoder.json"));
  const auto gpt2 = Tokenizer::load(shared_file("gpt2_vocab/vocab.bpe"));
  const testing::TempFolder folder;
  gpt2->save(folder / "r50k.tiktoken", TokenizerFormat::tiktoken);
  EXPECT_TRUE(read_file(folder / "r50k.tiktoken") ==
              read_file(shared_file("tiktoken_ranks/r50k_base.tiktoken")));
  ranks("r50k_base")->save(folder.path(), TokenizerFormat::gpt2);
  EXPECT_TRUE(read_file(folder / "merges.txt") == read_file(shared_file("gpt2_vocab/vocab.bpe")));
  EXPECT_EQ(Tokenizer::load(folder / "vocab.json")->digest(), gpt2->digest());
}

TEST(Cl100k, SurvivesEveryFormat) {
  LINEAGE_SKIP_WITHOUT(shared_file("tiktoken_ranks/TestPlans.txt"));
  const auto tokenizer = ranks("cl100k_base");
  const testing::TempFolder folder;
  tokenizer->save(folder.path());
  EXPECT_EQ(Tokenizer::load(folder.path())->digest(), tokenizer->digest());
  tokenizer->save(folder / "cl100k.tiktoken", TokenizerFormat::tiktoken);
  EXPECT_TRUE(read_file(folder / "cl100k.tiktoken") ==
              read_file(shared_file("tiktoken_ranks/cl100k_base.tiktoken")));
}

TEST_P(Vectors, AnyBytesRoundTrip) {
  LINEAGE_SKIP_WITHOUT(shared_file("tiktoken_ranks/TestPlans.txt"));
  const auto tokenizer = ranks(GetParam());
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const std::string text =
        testing::random_text(Rng(seed).fold("bytes"), 60, testing::hard_parts(true));
    const std::vector<Token> tokens = tokenizer->encode(text);
    ASSERT_EQ(tokenizer->decode(tokens), text) << "seed " << seed;
    for (Token t : tokens) ASSERT_FALSE(tokenizer->is_special(t)) << "seed " << seed;
  }
}

struct Family {
  std::string name;
  fs::path tokenizer, vectors;
};

// Tokenizers of model families, and those that are too large or not free to lie there: their
// folders are in $LINEAGE_TOKENIZERS.
std::vector<Family> families() {
  const fs::path shared = testing::shared_folder() / "oracles/families";
  const fs::path kept = shared / "tokenizers", stories = shared / "stories260K";
  const char* folder = std::getenv("LINEAGE_TOKENIZERS");
  const fs::path full = folder ? folder : "LINEAGE_TOKENIZERS";
  std::vector<Family> all = {
      {"llama2_normalizer", stories / "tokenizer.json", stories / "tokenizer.vectors.json"},
      {"llama2_metaspace", stories / "tokenizer-metaspace.json",
       stories / "tokenizer-metaspace.vectors.json"},
      {"llama3_small", kept / "llama3-style-small/tokenizer.json",
       kept / "llama3-style-small/vectors.json"},
      {"qwen3_small", kept / "qwen3-small/tokenizer.json", kept / "qwen3-small/vectors.json"},
  };
  for (const char* name : {"llama2", "llama3", "qwen3"})
    all.push_back({std::string(name) + "_full", full / name / "tokenizer.json",
                   kept / (std::string(name) + ".vectors.json")});
  return all;
}

class FamilyVectors : public ::testing::TestWithParam<Family> {};

std::vector<Token> ids_of(const nlohmann::json& list) { return list.get<std::vector<Token>>(); }

TEST_P(FamilyVectors, AllMatchAndDecode) {
  const Family& family = GetParam();
  LINEAGE_SKIP_WITHOUT(family.tokenizer);
  LINEAGE_SKIP_WITHOUT(family.vectors);
  const auto tokenizer = parse_huggingface(read_file(family.tokenizer), family.tokenizer.string());
  const nlohmann::json vectors = nlohmann::json::parse(read_file(family.vectors))["vectors"];
  EXPECT_EQ(vectors.size(), 113u);
  for (const nlohmann::json& v : vectors) {
    const auto text = v["text"].get<std::string>();
    const std::vector<Token> tokens = tokenizer->encode_with_specials(text);
    EXPECT_EQ(tokens, ids_of(v["ids"])) << text;
    EXPECT_EQ(valid_utf8(tokenizer->decode(tokens)), v.value("decoded", text)) << text;
    std::vector<Token> with_begin(tokenizer->begin_of_text().begin(),
                                  tokenizer->begin_of_text().end());
    with_begin.insert(with_begin.end(), tokens.begin(), tokens.end());
    EXPECT_EQ(with_begin, ids_of(v.value("with_special", v["ids"]))) << text;
    StreamDecoder stream(*tokenizer);
    std::string streamed;
    for (Token t : tokens) streamed += stream.push(t);
    EXPECT_EQ(streamed + stream.finish(), valid_utf8(tokenizer->decode(tokens))) << text;
  }
}

TEST_P(FamilyVectors, OurFormOfTheFileIsTheSameTokenizer) {
  const Family& family = GetParam();
  LINEAGE_SKIP_WITHOUT(family.tokenizer);
  const auto tokenizer = parse_huggingface(read_file(family.tokenizer), family.tokenizer.string());
  const testing::TempFolder folder;
  tokenizer->save(folder.path());
  const auto again = Tokenizer::load(folder.path());
  EXPECT_EQ(again->digest(), tokenizer->digest());
  const std::string text = "Hello  wörld, 12345 <0x41> ▁▁ \n\t 🙂\xff end";
  EXPECT_EQ(again->encode(text), tokenizer->encode(text));
}

INSTANTIATE_TEST_SUITE_P(All, FamilyVectors, ::testing::ValuesIn(families()),
                         [](const auto& test) { return test.param.name; });

TEST(Cl100k, HasItsSpecialTokensAndHoles) {
  LINEAGE_SKIP_WITHOUT(shared_file("tiktoken_ranks/TestPlans.txt"));
  const auto tokenizer = ranks("cl100k_base");
  EXPECT_EQ(tokenizer->vocab(), 100277);
  EXPECT_EQ(tokenizer->special(Special::end_of_text), 100257);
  EXPECT_EQ(tokenizer->find_special("<|endofprompt|>"), 100276);
  EXPECT_FALSE(tokenizer->contains(100256));
  EXPECT_EQ(tokenizer->encode("<|endoftext|>"),
            (std::vector<Token>{27, 91, 8862, 728, 428, 91, 29}));
  EXPECT_EQ(tokenizer->encode_with_specials("a<|endoftext|>"), (std::vector<Token>{64, 100257}));
}

}  // namespace
}  // namespace lineage
