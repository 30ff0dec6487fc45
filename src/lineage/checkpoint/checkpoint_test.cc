#include "lineage/checkpoint/checkpoint.h"

#include <signal.h>
#include <sys/resource.h>

#include "lineage/base/config.h"
#include "lineage/base/rng.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/tensors_digest.h"
#include "lineage/checkpoint/testing.h"
#include "lineage/text/word_tokenizer.h"

namespace lineage {
namespace {

using testing::error_of;
using testing::KilledProcess;
using testing::random_model;
using testing::same_values;
using testing::TempFolder;
using testing::tiny_config;
using testing::write_bytes;

Manifest manifest_for(const GptConfig& config) {
  Manifest m;
  m.stage = "pretrain";
  m.config = frozen_model_config(config);
  return m;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

class Checkpoints : public ::testing::Test {
 protected:
  Manifest write(const Model& model, const Tokenizer* tokenizer = nullptr) {
    return Checkpoint::write(path_, manifest_for(model.config), *model.parameters, tokenizer);
  }
  Model loaded() { return load_model(path_); }

  TempFolder folder_;
  const fs::path path_ = folder_ / "model";
  const GptConfig config_ = tiny_config();
  const Model one_ = random_model(config_, 1), two_ = random_model(config_, 2);
};

TEST_F(Checkpoints, ComeBackAsWritten) {
  const Manifest written = write(one_);
  EXPECT_EQ(names_in(path_), (std::vector<std::string>{"manifest.json", "weights.safetensors"}));
  const Model model = loaded();
  EXPECT_TRUE(same_values(*model.parameters, *one_.parameters));
  EXPECT_EQ(model.manifest, written);
  EXPECT_EQ(to_toml(model.config), to_toml(config_));
  EXPECT_EQ(model.tokenizer, nullptr);
  EXPECT_EQ(model.gpt->token_embedding.data<float>()[3],
            one_.gpt->token_embedding.data<float>()[3]);
  EXPECT_TRUE(load_model(path_, /*with_gradients=*/true).parameters->grads().numel() > 0);
}

TEST_F(Checkpoints, NameTheirWeightsByDigest) {
  const std::string first = write(one_).weights;
  EXPECT_EQ(first.size(), 64u);
  EXPECT_NE(write(two_).weights, first);
  EXPECT_EQ(write(one_).weights, first);
}

TEST_F(Checkpoints, ReplaceTheOldOneAndLeaveOtherFilesAlone) {
  const WordTokenizer words(word_model({"a", "b"}));
  write(one_, &words);
  write_bytes(path_ / "metrics.jsonl", "{}");
  const Checkpoint before = Checkpoint::open(path_);
  write(two_);
  EXPECT_EQ(names_in(path_),
            (std::vector<std::string>{"manifest.json", "metrics.jsonl", "weights.safetensors"}));
  EXPECT_TRUE(same_values(*loaded().parameters, *two_.parameters));
  Model old = make_model(config_, false);
  before.load(*old.parameters);  // an open checkpoint stays readable
  EXPECT_TRUE(same_values(*old.parameters, *one_.parameters));
}

TEST_F(Checkpoints, LoadIntoAModelWithAScalarHead) {
  write(one_);
  GptConfig with_head = config_;
  with_head.scalar_head = true;
  Model model = make_model(with_head, false);
  model.parameters->initialize(3);
  const float head = model.gpt->scalar_head.weight.data<float>()[0];
  EXPECT_SAYS(Checkpoint::open(path_).load(*model.parameters), "no tensor scalar_head.bias");
  Checkpoint::open(path_).load(*model.parameters, {.may_lack = kScalarHeadParameters});
  EXPECT_EQ(model.gpt->scalar_head.weight.data<float>()[0], head);
  EXPECT_EQ(model.gpt->token_embedding.data<float>()[3],
            one_.gpt->token_embedding.data<float>()[3]);
  model.gpt->scalar_head.weight.data<float>()[0] = 5;
  write(model);
  model.parameters->initialize(4);
  Checkpoint::open(path_).load(*model.parameters, {.may_lack = kScalarHeadParameters});
  EXPECT_EQ(model.gpt->scalar_head.weight.data<float>()[0], 5);  // it is there, so it is read
}

TEST_F(Checkpoints, ReplaceNoFileOfSomebodyElse) {
  const WordTokenizer words(word_model({"a", "b"}));
  fs::create_directories(path_);
  write_bytes(path_ / "tokenizer.json", "mine");
  EXPECT_SAYS(
      write(one_, &words),
      "tokenizer.json: is there already, and not as Lineage wrote it; wanted to write there");
  EXPECT_EQ(names_in(path_), (std::vector<std::string>{"tokenizer.json"}));
  EXPECT_EQ(read_file(path_ / "tokenizer.json"), "mine");
  write(one_);  // without a tokenizer there is room for both
  write(two_);
  EXPECT_EQ(read_file(path_ / "tokenizer.json"), "mine");
}

TEST_F(Checkpoints, KeepTheirTokenizer) {
  const WordTokenizer words(word_model({"cat", "dog"}, {"<|endoftext|>"}));
  write(one_, &words);
  const Model model = loaded();
  EXPECT_EQ(model.tokenizer->digest(), words.digest());
  const WordTokenizer others(word_model({"dog", "cat"}, {"<|endoftext|>"}));
  others.save(path_ / "tokenizer.json");
  EXPECT_SAYS(loaded(), "tokenizer.json: a tokenizer with digest " + others.digest().substr(0, 16));
  EXPECT_SAYS(loaded(), "the model was trained with " + words.digest().substr(0, 16));
  fs::remove(path_ / "tokenizer.json");
  EXPECT_SAYS(loaded(), "tokenizer.json");
}

TEST_F(Checkpoints, RefuseATokenizerLargerThanTheModel) {
  std::vector<std::string> many;
  for (int i = 0; i < 12; ++i) many.push_back("w" + std::to_string(i));
  const WordTokenizer words(word_model(many));
  write(one_, &words);
  EXPECT_SAYS(loaded(), "the tokenizer has 12 tokens; the model has 11 rows");
}

TEST_F(Checkpoints, SeeEveryFlippedBitOfTheWeights) {
  write(one_);
  const std::string good = read_file(path_ / "weights.safetensors");
  const size_t header = good.size() - static_cast<size_t>(4 * one_.parameters->numel());
  for (size_t i = 0; i < good.size(); i += i < header ? 41 : 131) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    write_bytes(path_ / "weights.safetensors", damaged);
    const std::string error = error_of([&] { loaded(); });
    // __metadata__ and padding are not part of the digest; damage to all else is detected.
    if (i < header) continue;
    EXPECT_TRUE(testing::has(error, "weights.safetensors: the digest is ")) << error;
  }
  for (size_t size = 0; size < good.size(); size += 331) {
    write_bytes(path_ / "weights.safetensors", good.substr(0, size));
    EXPECT_NE(error_of([&] { loaded(); }), "") << size;
  }
  write_bytes(path_ / "weights.safetensors", good);
  EXPECT_EQ(error_of([&] { loaded(); }), "");
  EXPECT_EQ(error_of([&] { Checkpoint::open(path_).verify_weights(); }), "");
}

TEST_F(Checkpoints, AreNeverWrittenWithWeightsThatAreNotFinite) {
  write(one_);
  Model broken = random_model(config_, 3);
  Tensor last = broken.parameters->all().back().value;
  const auto values = last.data<float>();
  values[1] = std::numeric_limits<float>::infinity();
  values[2] = std::numeric_limits<float>::quiet_NaN();
  const std::string error = error_of([&] { write(broken); });
  EXPECT_EQ(error, path_.string() + ": 2 of the " + std::to_string(values.size()) + " values of " +
                       broken.parameters->all().back().name +
                       " are nan or infinite; wanted finite weights | a model that was trained "
                       "here diverged: grow it again with a lower learning rate; an imported one "
                       "has to be fetched again");
  EXPECT_TRUE(same_values(*loaded().parameters, *one_.parameters)) << "the old one is whole";
}

// As older versions wrote them.
TEST_F(Checkpoints, WithWeightsThatAreNotFiniteAreNotLoaded) {
  Manifest manifest = write(one_);
  Model broken = random_model(config_, 1);
  broken.gpt->token_embedding.data<float>()[5] = -std::numeric_limits<float>::infinity();
  std::map<std::string, Tensor> tensors;
  for (const Parameter& p : broken.parameters->all()) tensors.emplace(p.name, p.value);
  write_safetensors(path_ / "weights.safetensors", tensors, {});
  manifest.weights = digest_of_tensors(SafetensorsFile(path_ / "weights.safetensors"));
  write_bytes(path_ / "manifest.json", to_json(manifest));
  EXPECT_SAYS(loaded(), "weights.safetensors: 1 of the ");
  EXPECT_SAYS(loaded(), " values of token_embedding.weight are nan or infinite");
}

TEST_F(Checkpoints, NameTheFirstTensorThatDoesNotFit) {
  write(one_);
  const auto load_into = [&](auto change) {
    GptConfig other = config_;
    change(other);
    Model model = make_model(other, false);
    return error_of([&] { Checkpoint::open(path_).load(*model.parameters); });
  };
  using testing::has;
  EXPECT_TRUE(has(load_into([](auto& c) { c.layers = 3; }),
                  "no tensor blocks.2.attention.out.bias; the model wants one of shape [8]"));
  EXPECT_TRUE(has(load_into([](auto& c) { c.layers = 1; }),
                  "tensor blocks.1.attention.out.bias of shape [8] is not in the model"));
  EXPECT_TRUE(has(load_into([](auto& c) { c.mlp_width = 16; }),
                  "tensor blocks.0.mlp.in.bias has shape [32]; the model wants [16]"));
}

TEST_F(Checkpoints, SayWhatIsWrongWithAFolder) {
  EXPECT_SAYS(Checkpoint::open(path_), "model: no such folder; wanted a checkpoint");
  fs::create_directories(path_);
  EXPECT_SAYS(Checkpoint::open(path_), "model: no manifest.json; wanted a checkpoint");
  EXPECT_FALSE(Checkpoint::exists(path_));
  write_bytes(path_ / "config.json", "{}");
  EXPECT_SAYS(Checkpoint::open(path_), "lineage import hf");
  EXPECT_SAYS(Checkpoint::open(path_ / "config.json"), "not a folder");
  write(one_);
  EXPECT_TRUE(Checkpoint::exists(path_));
  fs::remove(path_ / "weights.safetensors");
  EXPECT_SAYS(Checkpoint::open(path_), "weights.safetensors: cannot open");
}

TEST_F(Checkpoints, RefuseAFrozenConfigThatCannotBe) {
  Manifest m = manifest_for(config_);
  m.config = "[train]\nlr = 1\n";
  Checkpoint::write(path_, m, *one_.parameters);
  EXPECT_SAYS(loaded(), "model");
  m.config = "[model]\nlayers = 0\n";
  Checkpoint::write(path_, m, *one_.parameters);
  EXPECT_SAYS(loaded(),
              "manifest.json: config:2: model.layers is 0; wanted an integer from 1 to 1024");
}

TEST_F(Checkpoints, CheckTheDigestOfFurtherFiles) {
  Checkpoint::write(path_, manifest_for(config_), *one_.parameters, nullptr,
                    [](const fs::path& staging) {
                      fs::create_directory(staging / "more");
                      write_file_atomic(staging / "more/notes.txt", "hello");
                    });
  EXPECT_EQ(Checkpoint::open(path_).read_further("more/notes.txt"), "hello");
  testing::flip(path_ / "more/notes.txt", 0);
  EXPECT_SAYS(Checkpoint::open(path_).read_further("more/notes.txt"),
              "more/notes.txt: its digest is not the manifest's");
  EXPECT_SAYS(Checkpoint::open(path_).read_further("other"), "no file other");
}

// A limit on the size of files simulates a full disk: writing fails half-way.
TEST_F(Checkpoints, SurviveAWriteThatFails) {
  write(one_);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t limit : {0, 1000, 4000}) {
    const rlimit small{limit, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    const std::string error = error_of([&] { write(two_); });
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_TRUE(testing::has(error, "cannot write")) << error;
    EXPECT_TRUE(same_values(*loaded().parameters, *one_.parameters));
    EXPECT_EQ(names_in(path_), (std::vector<std::string>{"manifest.json", "weights.safetensors"}));
  }
  ::signal(SIGXFSZ, old_handler);
}

TEST_F(Checkpoints, HaveOneWriterAtATime) {
  write(one_);
  const FolderUpdate other(path_);
  EXPECT_SAYS(write(two_), "another process is writing here");
}

// Every state that a kill between two steps of a commit can leave, made by hand.
TEST_F(Checkpoints, AreWholeAtEveryStepOfACommit) {
  write(one_);
  const fs::path next = folder_ / "next";
  Checkpoint::write(next, manifest_for(config_), *two_.parameters);
  fs::create_directory(path_ / ".lineage-incoming");  // killed while writing
  fs::copy(next / "weights.safetensors", path_ / ".lineage-incoming/weights.safetensors");
  EXPECT_TRUE(same_values(*loaded().parameters, *one_.parameters));
  fs::copy(next / "manifest.json", path_ / ".lineage-incoming/manifest.json");
  EXPECT_TRUE(same_values(*loaded().parameters, *one_.parameters));
  fs::rename(path_ / ".lineage-incoming", path_ / ".lineage-committed");  // killed after the commit
  EXPECT_TRUE(same_values(*loaded().parameters, *two_.parameters));
  fs::rename(path_ / ".lineage-committed/weights.safetensors", path_ / "weights.safetensors");
  EXPECT_TRUE(same_values(*loaded().parameters, *two_.parameters));
  fs::rename(path_ / ".lineage-committed/manifest.json", path_ / "manifest.json");
  EXPECT_TRUE(same_values(*loaded().parameters, *two_.parameters));
  write(one_);
  EXPECT_TRUE(same_values(*loaded().parameters, *one_.parameters));
  EXPECT_EQ(names_in(path_), (std::vector<std::string>{"manifest.json", "weights.safetensors"}));
}

TEST_F(Checkpoints, FinishTheCommitOfAKilledWriter) {
  write(one_);
  const fs::path next = folder_ / "next";
  Checkpoint::write(next, manifest_for(config_), *two_.parameters);
  fs::rename(next, path_ / ".lineage-committed");
  { const FolderUpdate another_writer(path_); }
  EXPECT_EQ(names_in(path_), (std::vector<std::string>{"manifest.json", "weights.safetensors"}));
  EXPECT_TRUE(same_values(*loaded().parameters, *two_.parameters));
}

// A process that replaces a checkpoint again and again is killed at random moments.
TEST_F(Checkpoints, SurviveAKillAtAnyMoment) {
  write(one_);
  const Rng rng(7);
  for (uint64_t round = 0; round < 30; ++round) {
    KilledProcess writer([&] { write(two_), write(one_); });
    ::usleep(static_cast<useconds_t>(500 + rng.below(12000, round)));
    ASSERT_TRUE(writer.kill());
    const Model model = loaded();
    EXPECT_TRUE(same_values(*model.parameters, *one_.parameters) ||
                same_values(*model.parameters, *two_.parameters));
  }
}

TEST_F(Checkpoints, CanBeReadWhileTheyAreReplaced) {
  write(one_);
  const KilledProcess writer([&] { write(two_), write(one_); });
  for (int i = 0; i < 100; ++i) {
    const Model model = loaded();
    EXPECT_TRUE(same_values(*model.parameters, *one_.parameters) ||
                same_values(*model.parameters, *two_.parameters));
  }
}

}  // namespace
}  // namespace lineage
