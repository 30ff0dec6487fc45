// The stages that tune on demonstrations, from files: a tiny language model learns to answer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/checkpoint/model.h"
#include "lineage/comm/threads.h"
#include "lineage/run/testing.h"
#include "lineage/stages/grow.h"

namespace lineage {
namespace {

using ::testing::HasSubstr;
using testing::small_recipe;
using testing::small_world_recipe;
using testing::TempFolder;
using testing::write_corpus;

class TuningTest : public ::testing::Test {
 protected:
  TuningTest() {
    write_corpus(folder / "corpus", 40);
    std::ofstream chats(folder / "chats.jsonl");
    for (int i = 0; i < 120; ++i)
      chats << R"({"instruction": "say )" << i % 60 << R"(", "input": "", "output": "well: )"
            << i % 7 << "\"}\n";
  }

  std::string chats() const { return (folder / "chats.jsonl").string(); }
  std::string tuned(const std::string& more = {}) const {
    return "[conversations.chat]\npaths = [\"" + chats() + R"("]
heldout = 0.2
[sft]
epochs = 6
batch_tokens = 128
[sft.optimizer]
lr = 3e-3
[nodes.tuned]
stage = "sft"
parents = ["davinci"]
)" + more;
  }
  Recipe recipe(const std::string& more, const std::vector<std::string>& sets = {}) {
    return parse_recipe(small_recipe(folder / "corpus", more), "small.toml", sets);
  }
  std::vector<GrownNode> grow_in(const std::string& out, const Recipe& r,
                                 std::function<bool()> interrupted = {}) {
    const auto ranks = single_process();
    return grow(r, {folder / out, {}, std::move(interrupted)}, *ranks, silent());
  }
  std::string error_of(const std::string& more, const std::vector<std::string>& sets = {}) {
    try {
      grow_in("errors", recipe(more, sets));
    } catch (const Error& e) {
      return std::string(e.what()) + " | " + e.hint();
    }
    return "none";
  }
  // The held-out losses that a run measured, in order.
  static std::vector<double> measured(const GrownNode& node) {
    std::vector<double> losses;
    std::ifstream lines(node.folder / "metrics.jsonl");
    for (std::string line; std::getline(lines, line);)
      if (const auto json = nlohmann::json::parse(line); json.contains("heldout_loss"))
        losses.push_back(json["heldout_loss"]);
    return losses;
  }

  TempFolder folder;
};

TEST_F(TuningTest, AnswersHeldOutArePredictedBetterAndTheBestModelIsKept) {
  const auto nodes = grow_in("runs", recipe(tuned()));
  ASSERT_EQ(nodes.size(), 2u);
  const Manifest m = Checkpoint::open(nodes[1].folder).manifest();
  EXPECT_EQ(m.stage, "sft");
  const auto& chat = m.datasets.at("chat");
  EXPECT_NEAR(chat.at("epochs").get<double>(), 6, 0.5);
  const std::vector<double> losses = measured(nodes[1]);
  ASSERT_GE(losses.size(), 3u);
  EXPECT_LT(losses.back(), 0.7 * losses.front());
  EXPECT_DOUBLE_EQ(chat.at("heldout_nats_per_token").get<double>(),
                   *std::ranges::min_element(losses));
  EXPECT_FALSE(std::filesystem::exists(nodes[1].folder / "best.safetensors"));
}

// A recipe without text or tokenizer of its own, whose root is a checkpoint.
std::string on_top_of(const std::filesystem::path& checkpoint) {
  return "seed = 3\n[nodes.davinci]\nstage = \"import\"\n[nodes.davinci.import]\npath = \"" +
         checkpoint.string() + "\"\n";
}

TEST_F(TuningTest, AModelThatExistsIsTunedAsOneGrownHere) {
  const auto here = grow_in("here", recipe(tuned()));
  const auto there =
      grow_in("there", parse_recipe(on_top_of(here[0].folder) + tuned(), "own.toml"));
  ASSERT_EQ(there.size(), 2u);
  const auto manifest = [](const GrownNode& n) { return Checkpoint::open(n.folder).manifest(); };
  EXPECT_EQ(manifest(there[0]).stage, "import");
  for (const size_t i : {0, 1}) EXPECT_EQ(manifest(there[i]).weights, manifest(here[i]).weights);
  // Elsewhere it is the same model: nothing grows again.
  std::filesystem::copy(here[0].folder, folder / "moved", std::filesystem::copy_options::recursive);
  for (const GrownNode& n :
       grow_in("there", parse_recipe(on_top_of(folder / "moved") + tuned(), "own.toml")))
    EXPECT_TRUE(n.cached) << n.name;
}

TEST_F(TuningTest, AModelThatCannotBeTakenInIsNamed) {
  const auto error = [&](const std::string& toml) {
    try {
      grow_in("errors", parse_recipe(toml, "own.toml"));
    } catch (const Error& e) {
      return std::string(e.what()) + " | " + e.hint();
    }
    return std::string("none");
  };
  EXPECT_THAT(error(on_top_of(folder / "absent")), HasSubstr("is no checkpoint"));
  std::filesystem::create_directories(folder / "theirs");
  std::ofstream(folder / "theirs/config.json") << "{}";
  EXPECT_THAT(error(on_top_of(folder / "theirs")), HasSubstr("lineage import hf"));
  const auto grown = grow_in("here", recipe({}));
  EXPECT_THAT(error(on_top_of(grown[0].folder) + "[nodes.davinci.model]\nlayers = 2\n"),
              HasSubstr("has its own architecture"));
  const auto other = grow_in("other", recipe({}, {"tokenizer.vocab=280"}));
  EXPECT_THAT(error(on_top_of(grown[0].folder) + "[tokenizer]\npath = \"" +
                    other[0].folder.string() + "\"\n"),
              HasSubstr("has another tokenizer; wanted that of the recipe"));
  const auto own_tokenizer = [&](const std::string& keys) {
    return recipe("[nodes.other]\nstage = \"import\"\n[nodes.other.import]\npath = \"" +
                      grown[0].folder.string() + "\"\n",
                  {keys});
  };
  EXPECT_THROW(grow_in("errors", own_tokenizer("tokenizer.path=\"" +
                                               (folder / "absent.json").string() + "\"")),
               Error);
  // Keys of what is imported have no effect, and that is said.
  const Recipe idle =
      parse_recipe(on_top_of(grown[0].folder) + "[model]\nlayers = 2\n", "own.toml");
  EXPECT_THAT(idle.notes, ::testing::Contains(HasSubstr("model has no effect")));
}

TEST_F(TuningTest, ResumesBitForBitWithTheBestModelSoFar) {
  // So high a rate that the best model is not the last.
  const std::vector<std::string> sets = {"sft.optimizer.lr=0.03", "sft.epochs=12"};
  const auto digest = [](const GrownNode& n) {
    return Checkpoint::open(n.folder).manifest().weights;
  };
  const std::string straight = digest(grow_in("straight", recipe(tuned(), sets))[1]);
  for (int cut : {5, 19}) {
    const std::string out = "cut" + std::to_string(cut);
    grow_in(out, recipe({}, {}));  // the parent
    EXPECT_THROW(grow_in(out, recipe(tuned(), sets), [cut]() mutable { return --cut < 0; }), Error);
    EXPECT_EQ(digest(grow_in(out, recipe(tuned(), sets))[1]), straight);
  }
}

TEST_F(TuningTest, PretrainingTextCanBeMixedIn) {
  const auto nodes = grow_in("runs", recipe(tuned(), {"sft.pretrain_share=0.5"}));
  const Manifest m = Checkpoint::open(nodes[1].folder).manifest();
  EXPECT_NEAR(m.datasets.at("chat").at("epochs").get<double>(), 6, 0.5);
  EXPECT_GT(m.datasets.at("words").at("epochs").get<double>(), 0);
}

TEST_F(TuningTest, WhatCannotBeTunedIsRefusedBeforeAnythingIsGrown) {
  EXPECT_THAT(error_of("[nodes.tuned]\nstage = \"sft\"\nparents = [\"davinci\"]\n"),
              HasSubstr("has no [conversations.NAME], [demonstrations.NAME] or "
                        "[dialogs.NAME]; wanted"));
  EXPECT_THAT(error_of(tuned("[nodes.lonely]\nstage = \"sft\"\n")),
              HasSubstr("nodes.lonely has no parent; a stage sft wants the model to tune"));
  EXPECT_THAT(error_of(tuned(), {"sft.packing=packed"}), HasSubstr("wanted best_fit or single"));
  EXPECT_THAT(error_of(tuned(), {"sft.mixture.chta=1"}),
              HasSubstr("mixture names chta; no such set of demonstrations | did you mean chat?"));
  EXPECT_THAT(error_of(tuned(), {"sft.pretrain_share=1"}), HasSubstr("pretrain_share"));
  EXPECT_THAT(error_of(tuned(), {"demonstrations.few.weights.F99=1"}),
              HasSubstr("demonstrations.few.weights: \"F99\" is no family of instructions"));
  EXPECT_THAT(
      error_of(tuned(), {"demonstrations.few.examples=499900", "demonstrations.few.heldout=101"}),
      HasSubstr("demonstrations.few has 500001 examples and held-out ones; wanted at most "
                "500000"));
  EXPECT_THAT(error_of(tuned(), {"demonstrations.few.families=[\"F08\"]"}),
              HasSubstr("demonstrations.few.families: F08 (unique) is held out for tests"));
  EXPECT_THAT(error_of(tuned(), {"conversations.words.paths=[\"x\"]"}),
              HasSubstr("words names two sets of data"));
  EXPECT_THAT(error_of(tuned(), {"conversations.chat.paths=[\"none.jsonl\"]"}),
              HasSubstr("none.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(folder / "errors" / "nodes"));
}

TEST_F(TuningTest, ABadRecordIsNamedOrSkipped) {
  std::ofstream(folder / "chats.jsonl", std::ios::app) << "{\"instruction\": \"unanswered\"}\n";
  EXPECT_THAT(error_of(tuned()), HasSubstr("chats.jsonl:121: has no answer"));
  const auto nodes = grow_in("runs", recipe(tuned(), {"conversations.chat.bad_record=skip"}));
  const auto chat = Checkpoint::open(nodes[1].folder).manifest().datasets.at("chat");
  EXPECT_EQ(chat.at("dropped").at("bad record"), 1);
}

TEST_F(TuningTest, FeedmeTrainsOnRatedAnswersFromFiles) {
  std::ofstream rated(folder / "rated.jsonl");
  for (int i = 0; i < 20; ++i)
    rated << R"({"prompt": "say )" << i << R"(", "completion": "well: )" << i << R"(", "rating": )"
          << (i % 4 == 0 ? 7 : 3) << "}\n";
  rated.close();
  const std::string node = "[conversations.rated]\npaths = [\"" +
                           (folder / "rated.jsonl").string() +
                           "\"]\n[feedme]\nepochs = 2\nbatch_tokens = 128\nratings = "
                           "\"rated\"\n[nodes.fed]\nstage = \"feedme\"\nparents = [\"davinci\"]\n";
  const auto nodes = grow_in("runs", recipe(tuned(node)));
  const Manifest m = Checkpoint::open(nodes.back().folder).manifest();
  EXPECT_EQ(m.node, "fed");
  EXPECT_EQ(m.datasets.at("feedme").at("documents"), 5);
  EXPECT_EQ(m.datasets.at("feedme").at("dropped").at("rated lower"), 15);
  EXPECT_EQ(m.datasets.at("feedme").at("generated"), false) << "people wrote them";
  EXPECT_THAT(error_of(tuned("[nodes.fed]\nstage = \"feedme\"\nparents = [\"davinci\"]\n")),
              HasSubstr("chat is from files, whose answers no labeler of ours can rate; wanted "
                        "feedme.ratings"));
  // The rated answers determine the node.
  std::ofstream(folder / "rated.jsonl", std::ios::app)
      << R"({"prompt": "say 99", "completion": "well: 1", "rating": 7})"
      << "\n";
  const auto again = grow_in("runs", recipe(tuned(node)));
  EXPECT_FALSE(again.back().cached);
  EXPECT_TRUE(again.front().cached);
}

constexpr const char* kWorldTree = R"(
[model]
layers = 2
width = 32
heads = 2
context = 256
vocab = 0
[pretrain]
tokens = 30_000
batch_tokens = 1024
[pretrain.optimizer]
lr = 3e-3
[feedme]
epochs = 2
batch_tokens = 512
prompts = 70
samples = 2
max_tokens = 8
min_rating = 1
[nodes.fed]
stage = "feedme"
parents = ["davinci"]
)";

TEST_F(TuningTest, FeedmeDrawsItsAnswersAndGoesOnAfterAKill) {
  const Recipe r = parse_recipe(small_world_recipe(kWorldTree), "world.toml");
  const auto straight = grow_in("straight", r);
  const Manifest m = Checkpoint::open(straight[1].folder).manifest();
  EXPECT_GT(m.datasets.at("feedme").at("documents"), 0);
  EXPECT_EQ(m.datasets.at("feedme").at("generated"), true);
  EXPECT_EQ(m.datasets.at("few").at("generated"), false);
  EXPECT_EQ(m.datasets.at("few").at("documents"), 60);
  std::ifstream answers(straight[1].folder / "answers.jsonl");
  std::string whole(std::istreambuf_iterator<char>(answers), {});
  EXPECT_EQ(std::ranges::count(whole, '\n'), 70);
  // Another folder, where a kill left the answers cut in the middle of a line.
  const auto parent = grow(r, {folder / "cut", {"davinci"}, {}}, *single_process(), silent());
  const auto node = folder / "cut" / "nodes" / straight[1].folder.filename();
  testing::write_text(node / "answers.jsonl", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(Checkpoint::open(grow_in("cut", r)[1].folder).manifest().weights, m.weights);
}

TEST_F(TuningTest, CorporaOfTheMicroWorldTellTheLossByAbility) {
  const auto nodes = grow(parse_recipe(small_world_recipe(kWorldTree), "world.toml"),
                          {folder / "runs", {"davinci"}, {}}, *single_process(), silent());
  std::ifstream lines(nodes[0].folder / "metrics.jsonl");
  nlohmann::json last;
  for (std::string line; std::getline(lines, line);)
    if (auto json = nlohmann::json::parse(line); json.contains("heldout_loss")) last = json;
  EXPECT_GT(last.at("heldout_loss/text/binding").get<double>(), 0);
  EXPECT_GT(last.at("heldout_loss/text/world_knowledge").get<double>(), 0);
  EXPECT_LT(last.at("heldout_loss/text").get<double>(), 6.5);  // untrained: ln 1024 = 6.93
  EXPECT_THAT(error_of("[corpora.mica]\ntokens = 600_000\n"),
              HasSubstr("the tokenizer has other words than the micro-world"));
}

}  // namespace
}  // namespace lineage
