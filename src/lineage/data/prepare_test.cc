#include "lineage/data/prepare.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "lineage/base/parallel.h"
#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

class Prepare : public ::testing::Test {
 protected:
  PreparedSource prepare(SourceConfig config, Progress& progress = silent(),
                         const Tokenizer& tokenizer = ByteTokenizer()) const {
    if (config.paths.empty()) config.paths = {(folder_.path() / "in").string()};
    return prepare_source("books", config, tokenizer,
                          {.cache = folder_.path() / "cache", .shard_bytes = shard_bytes_},
                          progress);
  }
  void write_documents(int n) const {
    for (int i = 0; i < n; ++i)
      folder_.write("in/" + std::to_string(1000 + i), "document " + std::to_string(i));
  }
  Texts folders() const {
    Texts out;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "cache"))
      out.push_back(entry.path().string());
    return out;
  }
  TempFolder folder_;
  int64_t shard_bytes_ = 1 << 20;
};

Texts documents(const Corpus& corpus) {
  Texts out;
  for (int64_t d = 0; d < corpus.size(); ++d) out.push_back(text_of(corpus.get(d).tokens));
  return out;
}

class CountingProgress final : public Progress {
 public:
  explicit CountingProgress(int stop_at = -1) : stop_at_(stop_at) {}
  void update(std::string_view, double, std::string_view) override {
    if (++updates == stop_at_) throw std::runtime_error("killed");
  }
  void note(std::string_view line) override { notes.emplace_back(line); }
  int updates = 0;
  Texts notes;

 private:
  int stop_at_;
};

TEST_F(Prepare, TokenisesWithAnEndForEachDocument) {
  folder_.write("in/a", "one");
  folder_.write("in/b", "two");
  CountingProgress progress;
  const PreparedSource p = prepare({.heldout = 0}, progress);
  EXPECT_EQ(documents(*p.train), (Texts{"one|", "two|"}));
  EXPECT_EQ(p.heldout->size(), 0);
  EXPECT_EQ(p.train->bytes(), 6);
  EXPECT_EQ(progress.notes, Texts{"source books: 2 documents, 8 tokens, 0 held out"});
}

TEST_F(Prepare, RecordsWhereItAllCameFrom) {
  folder_.write("in/a", "one");
  folder_.write("in/b", std::string("\0", 1));
  folder_.write("in/c", "one");
  folder_.write("in/d", "tw\xFF");
  const PreparedSource p = prepare({.weight = 3, .licence = "CC0-1.0", .heldout = 0});
  const SourceRecord& r = p.record;
  EXPECT_EQ(r.name, "books");
  EXPECT_EQ(r.kind, "text");
  EXPECT_EQ(r.files, 4);
  EXPECT_EQ(r.documents, 2);
  EXPECT_EQ(r.bytes, 8);
  EXPECT_EQ(r.tokens, 10);
  EXPECT_EQ(r.repaired, 1);
  EXPECT_EQ(r.dropped, (std::map<std::string, int64_t>{{"binary", 1}, {"duplicate", 1}}));
  EXPECT_EQ(r.licences, (std::map<std::string, int64_t>{{"CC0-1.0", 2}}));
  EXPECT_EQ(r.weight, 3);
  EXPECT_EQ(r.digest.size(), 64u);
  EXPECT_EQ(describe_dropped(r), "2 dropped (1 binary, 1 duplicate), 1 with invalid text replaced");
  EXPECT_EQ(nlohmann::json(r).get<SourceRecord>(), r);
  EXPECT_EQ(prepare({.deduplicate = false, .heldout = 0}).record.documents, 3);
}

TEST_F(Prepare, ASecondRunReadsTheCache) {
  write_documents(20);
  CountingProgress first, second;
  const auto a = prepare({}, first);
  const auto b = prepare({.weight = 5}, second);  // the weight changes nothing on disk
  EXPECT_GT(first.updates, 0);
  EXPECT_EQ(second.updates, 0);
  EXPECT_EQ(a.train->digest(), b.train->digest());
  EXPECT_EQ(folders().size(), 1u);
}

TEST_F(Prepare, AChangeOfInputOrTokenizerIsSeen) {
  write_documents(5);
  const std::string before = prepare({}).record.digest;
  folder_.write("in/1001", "something else");
  EXPECT_NE(prepare({}).record.digest, before);
  EXPECT_NE(prepare({}, silent(), ByteTokenizer(70000)).record.digest, before);
  EXPECT_EQ(folders().size(), 3u);
}

TEST_F(Prepare, TheDigestIsOfTheContentNotOfTimes) {
  write_documents(5);
  const std::string before = prepare({}).record.digest;
  write_documents(5);
  fs::last_write_time(folder_.path() / "in/1001",
                      fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(prepare({}).record.digest, before);
}

TEST_F(Prepare, AKilledRunLeavesNothingBehind) {
  for (int i = 0; i < 40; ++i)
    folder_.write("in/" + std::to_string(i), std::string(500000, 'a') + std::to_string(i));
  CountingProgress killed(2);
  EXPECT_THROW(prepare({.heldout = 0}, killed), std::runtime_error);
  ASSERT_EQ(folders().size(), 1u);
  EXPECT_TRUE(fs::exists(fs::path(folders()[0]) / "train-00000.tokens"));
  folder_.write(
      "cache/" + fs::path(folders()[0]).filename().string() + "/heldout-00099.tokens.partial",
      "left over");
  const PreparedSource p = prepare({.heldout = 0});
  EXPECT_EQ(p.record.documents, 40);
  EXPECT_FALSE(fs::exists(fs::path(folders()[0]) / "heldout-00099.tokens.partial"));
}

TEST_F(Prepare, TwoRunsAtOnceDoNotMix) {
  write_documents(3);
  prepare({});
  const fs::path folder = folders()[0];
  fs::remove(folder / "corpus.json");
  write_file_atomic(folder / "notes.txt", "mine");
  auto other = std::make_unique<FolderLock>(folder);
  CountingProgress told;
  const ByteTokenizer tokenizer;
  SourceConfig config;
  config.paths = {(folder_.path() / "in").string()};
  int polls = 0;
  const PrepareOptions options{.cache = folder_.path() / "cache",
                               .shard_bytes = shard_bytes_,
                               .interrupted = [&] { return ++polls > 2; }};
  EXPECT_NE(error_of([&] {
              prepare_source("books", config, tokenizer, options, told);
            }).find("source books: interrupted while another process makes it"),
            std::string::npos);
  ASSERT_EQ(told.notes.size(), 1u);
  EXPECT_NE(told.notes[0].find("source books: waiting for process "), std::string::npos);
  other.reset();
  const SourceRecord made = prepare({}).record;
  EXPECT_EQ(made.documents + made.heldout_documents, 3);
  EXPECT_EQ(read_file(folder / "notes.txt"), "mine");  // only files of tokenising are cleared
}

TEST_F(Prepare, HeldOutDocumentsAreNeverTrainedOn) {
  write_documents(2000);
  const PreparedSource p = prepare({.heldout = 0.1});
  EXPECT_NEAR(static_cast<double>(p.heldout->size()), 200, 5 * std::sqrt(2000 * 0.1 * 0.9));
  EXPECT_EQ(p.train->size() + p.heldout->size(), 2000);
  const Texts train = documents(*p.train), held = documents(*p.heldout);
  std::set<std::string> all(train.begin(), train.end());
  all.insert(held.begin(), held.end());
  EXPECT_EQ(all.size(), 2000u);
}

TEST_F(Prepare, TheSplitFollowsTheTextAloneNotTheOrder) {
  write_documents(500);
  const PreparedSource a = prepare({.heldout = 0.1});
  for (int i = 0; i < 500; ++i)
    folder_.write("again/" + std::to_string(9999 - i), "document " + std::to_string(i));
  const PreparedSource b =
      prepare({.paths = {(folder_.path() / "again").string()}, .heldout = 0.1});
  Texts x = documents(*a.heldout), y = documents(*b.heldout);
  std::sort(x.begin(), x.end());
  std::sort(y.begin(), y.end());
  EXPECT_EQ(x, y);
}

// Lines of 20 bytes, each different.
std::string lines(int64_t bytes, int first = 0) {
  std::string text;
  for (int i = first; std::ssize(text) < bytes; ++i)
    text += "line " + std::to_string(100'000'000 + i) + " end.\n";
  return text;
}

// One file, a folder of few, one with a big one: the share of bytes held out is near the share
// wanted, and every byte is on one side.
TEST_F(Prepare, TheShareIsOfBytesWhateverTheShapeOfTheCorpus) {
  const std::vector<std::vector<int64_t>> shapes = {
      {100'000},
      {7'700, 35'000},
      {2'000, 3'000, 90'000},
      {20'000, 20'000, 20'000, 20'000, 20'000},
      {400, 1'200'000},
      {1'000'000, 1'000, 1'000, 1'000, 1'000, 1'000, 1'000},
  };
  for (const double share : {0.01, 0.05, 0.3, 0.9})
    for (const auto& shape : shapes) {
      fs::remove_all(folder_.path() / "in");
      int64_t total = 0;
      for (size_t i = 0; i < shape.size(); ++i) {
        const std::string text = lines(shape[i], static_cast<int>(1'000'000 * i));
        total += std::ssize(text);
        folder_.write("in/" + std::to_string(i), text);
      }
      const PreparedSource p = prepare({.heldout = share});
      const double wanted = share * static_cast<double>(total);
      EXPECT_NEAR(static_cast<double>(p.heldout->bytes()), wanted, 0.25 * wanted + 20);
      EXPECT_EQ(p.heldout->bytes() + p.train->bytes(), total);
      EXPECT_GT(p.train->size(), 0);
    }
}

TEST_F(Prepare, OneFileIsCutAtALine) {
  const std::string text = lines(10'000);
  folder_.write("in/a", text);
  const PreparedSource p = prepare({.heldout = 0.1});
  EXPECT_EQ(documents(*p.train), Texts{text.substr(0, 9'000) + "|"});
  EXPECT_EQ(documents(*p.heldout), Texts{text.substr(9'000) + "|"});
}

TEST_F(Prepare, FilesThatDescribeTheFolderAreNotWhatIsHeldOut) {
  for (const char* about : {"SOURCE.txt", "README.md", "LICENSE"})
    folder_.write("in/" + std::string(about), "about " + std::string(about) + lines(1'000));
  folder_.write("in/a", lines(10'000));
  const PreparedSource p = prepare({.heldout = 0.1});
  for (const std::string& text : documents(*p.heldout))
    EXPECT_TRUE(text.starts_with("line ")) << text;
  EXPECT_NEAR(static_cast<double>(p.heldout->bytes()), 1'300, 50);
}

TEST_F(Prepare, TooLittleHeldOutIsTold) {
  CountingProgress tiny, few, none, enough;
  folder_.write("in/a", "word");
  EXPECT_EQ(prepare({.heldout = 0.01}, tiny).heldout->size(), 0);
  ASSERT_EQ(tiny.notes.size(), 2u);
  EXPECT_EQ(tiny.notes[1],
            "warning: sources.books: nothing is held out (heldout = 0.01 of 4 bytes), so there is "
            "no held-out loss; set sources.books.heldout higher, or add text");
  folder_.write("in/a", lines(5'000));
  prepare({.heldout = 0.1}, few);
  EXPECT_EQ(few.notes.at(1),
            "warning: sources.books: 501 tokens are held out; a loss on fewer than 1000 tells "
            "little; set sources.books.heldout higher, or add text");
  prepare({.heldout = 0}, none);
  EXPECT_EQ(none.notes.size(), 1u);
  folder_.write("in/a", lines(50'000));
  prepare({.heldout = 0.1}, enough);
  EXPECT_EQ(enough.notes.size(), 1u);
}

TEST_F(Prepare, BytesOnDiskDoNotDependOnThreads) {
  for (int i = 0; i < 30; ++i)
    folder_.write("in/" + std::to_string(i),
                  std::string(static_cast<size_t>(i * i * 300), 'a') + std::to_string(i));
  shard_bytes_ = 1 << 20;
  const int threads = num_threads();
  Texts digests;
  for (const int n : {1, 2, 3}) {
    set_num_threads(n);
    digests.push_back(prepare({}).record.digest);
    fs::remove_all(folder_.path() / "cache");
  }
  set_num_threads(threads);
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], digests[2]);
}

TEST_F(Prepare, ManyShardsReadAsOne) {
  write_documents(300);
  shard_bytes_ = 4000;
  const PreparedSource p = prepare({.heldout = 0});
  EXPECT_GT(p.train->size(), 0);
  Texts wanted;
  for (int i = 0; i < 300; ++i) wanted.push_back("document " + std::to_string(i) + "|");
  EXPECT_EQ(documents(*p.train), wanted);
}

TEST_F(Prepare, AnEmptyCorpusIsAnErrorThatSaysWhy) {
  const std::string in = (folder_.path() / "in").string();
  for (int i = 0; i < 3; ++i) folder_.write("in/" + std::to_string(i), std::string(i + 1u, '\0'));
  folder_.write("in/blank", " \n");
  EXPECT_EQ(error_of([&] { prepare({}); }),
            "source books: " + in +
                ": 4 files, no document left: 4 dropped (3 binary, 1 empty); wanted at least one");
  fs::remove_all(in);
  folder_.write("in/nothing", "");
  EXPECT_EQ(error_of([&] { prepare({}); }),
            "source books: " + in + ": 1 file, no document left (all empty); wanted at least one");
  fs::remove_all(in);
  fs::create_directories(in);
  EXPECT_EQ(
      error_of([&] { prepare({}); }),
      "source books: " + in +
          ": none of the 0 files there matches include and exclude; wanted at least one file");
  EXPECT_FALSE(fs::exists(folder_.path() / "cache/corpus.json"));
}

TEST_F(Prepare, ADamagedCacheIsAnError) {
  write_documents(10);
  prepare({});
  const fs::path folder = folders()[0], shard = folder / "train-00000.tokens";
  std::string bytes = read_file(shard);
  bytes.back() ^= 1;
  write_file_atomic(shard, bytes);
  EXPECT_NE(error_of([&] { prepare({}); }).find("train-00000.tokens: its content has SHA-256"),
            std::string::npos);
  fs::remove(shard);
  EXPECT_NE(error_of([&] { prepare({}); }).find("train-00000.tokens: cannot open"),
            std::string::npos);
  write_file_atomic(folder / "corpus.json", "{\"format\": 1");
  EXPECT_NE(error_of([&] { prepare({}); }).find("; wanted the index of a tokenised source"),
            std::string::npos);
}

TEST_F(Prepare, ReadsErrorsFromEveryThread) {
  folder_.write("in/a.jsonl", "{\"text\": \"a\"}\n{\"text\": 1}\n");
  EXPECT_NE(error_of([&] {
              prepare({.kind = SourceKind::jsonl});
            }).find("a.jsonl:2: field text is number; wanted a string"),
            std::string::npos);
}

// A real tokenizer on real text: the shards decode to the files.
TEST_F(Prepare, RealTextSurvives) {
  LINEAGE_NEEDS_SHARED_DATA();
  const auto tokenizer = Tokenizer::load(shared_data() / "tokenizer/gpt2_vocab");
  const fs::path file = shared_data() / "pretrain/tinyshakespeare/input.txt";
  const PreparedSource p = prepare({.paths = {file.string()}, .heldout = 0}, silent(), *tokenizer);
  ASSERT_EQ(p.train->size(), 1);
  std::vector<Token> tokens = p.train->get(0).tokens;
  EXPECT_EQ(tokens.size(), 338026u);  // 338,025 with GPT-2's vocabulary, and the end
  tokens.pop_back();
  EXPECT_EQ(tokenizer->decode(tokens), read_file(file));
  const auto cut =
      prepare({.paths = {file.string()}, .max_document_bytes = 4096}, silent(), *tokenizer);
  EXPECT_GT(cut.heldout->size(), 0);
  EXPECT_GT(cut.train->size(), 250);
}

}  // namespace
}  // namespace lineage
