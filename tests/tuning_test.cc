// The stages that tune on demonstrations, from files: a tiny language model learns to answer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "corpus.h"
#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/checkpoint/model.h"
#include "lineage/comm/threads.h"
#include "lineage/stages/grow.h"

namespace lineage {
namespace {

using ::testing::HasSubstr;
using testing::small_recipe;
using testing::TemporaryFolder;
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

  TemporaryFolder folder;
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
              HasSubstr("has no [conversations.NAME] or [demonstrations.NAME]; wanted"));
  EXPECT_THAT(error_of(tuned("[nodes.lonely]\nstage = \"sft\"\n")),
              HasSubstr("nodes.lonely has no parent; a stage sft wants the model to tune"));
  EXPECT_THAT(error_of(tuned(), {"sft.packing=packed"}), HasSubstr("wanted best_fit or single"));
  EXPECT_THAT(error_of(tuned(), {"sft.mixture.chta=1"}),
              HasSubstr("mixture names chta; no such set of demonstrations | did you mean chat?"));
  EXPECT_THAT(error_of(tuned(), {"sft.pretrain_share=1"}), HasSubstr("pretrain_share"));
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

}  // namespace
}  // namespace lineage
