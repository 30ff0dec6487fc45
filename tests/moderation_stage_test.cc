// The stage moderation: a content filter of the micro-world's requests and of files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/checkpoint/model.h"
#include "lineage/checkpoint/safetensors.h"
#include "lineage/comm/threads.h"
#include "lineage/rlhf/losses.h"
#include "lineage/rlhf/request_scores.h"
#include "lineage/run/recipe_run.h"
#include "lineage/run/testing.h"
#include "lineage/stages/grow.h"
#include "lineage/stages/moderation_report.h"
#include "lineage/stages/requests.h"

namespace lineage {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::small_recipe;
using testing::small_world_recipe;
using testing::TempFolder;
using testing::write_corpus;
using testing::write_text;
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

class KeptNotes final : public Progress {
 public:
  void update(std::string_view, double, std::string_view) override {}
  void note(std::string_view line) override { all += std::string(line) + "\n"; }
  std::string all;
};

constexpr const char* kWorld = R"(
[model]
layers = 1
width = 32
heads = 2
context = 128
vocab = 0
[pretrain]
tokens = 16_384
batch_tokens = 1024
[moderation]
prompts = 600
set_aside = 200
heldout = 400
batch = 16
epochs = 2
[moderation.optimizer]
lr = 3e-3
[nodes.filter]
stage = "moderation"
parents = ["davinci"]
)";

constexpr const char* kFiles = R"(
[moderation]
improper_files = "rude"
harmless_files = "polite"
batch = 8
epochs = 6
[moderation.optimizer]
lr = 3e-3
[reward]
preferences = "judged"
[ppo]
files = "polite"
max_tokens = 6
[nodes.filter]
stage = "moderation"
parents = ["davinci"]
[nodes.judge]
stage = "reward"
parents = ["davinci"]
[nodes.policy]
stage = "ppo"
parents = ["davinci", "judge"]
)";

class ModerationStage : public ::testing::Test {
 protected:
  ModerationStage() {
    write_corpus(folder / "corpus", 40);
    std::string rude, polite, judged;
    for (int i = 0; i < 60; ++i) {
      const std::string end = " " + std::to_string(i) + R"("}]})" + "\n",
                        begin = R"({"messages": [{"role": "user", "content": ")";
      rude += begin + "the cat" + end;
      polite += begin + "a dog" + end;
      judged +=
          R"({"prompt": "a", "chosen": "b)" + std::to_string(i) + R"(", "rejected": "c"})" + "\n";
    }
    write_text(folder / "rude.jsonl", rude);
    write_text(folder / "polite.jsonl", polite);
    write_text(folder / "judged.jsonl", judged);
  }

  Recipe of_files(const Strings& sets = {}, const std::string& more = kFiles) const {
    std::string tables;
    for (const char* set : {"conversations.rude", "conversations.polite", "preferences.judged"})
      tables +=
          "[" + std::string(set) + "]\npaths = [\"" +
          (folder / (std::string(set).substr(std::string(set).find('.') + 1) + ".jsonl")).string() +
          "\"]\nheldout = 0.2\n";
    return parse_recipe(small_recipe(folder / "corpus", tables + more), "small.toml", sets);
  }
  static Recipe of_world(const Strings& sets = {}) {
    return parse_recipe(small_world_recipe(kWorld), "world.toml", sets);
  }
  fs::path grow_node(const Recipe& recipe, const std::string& out, const std::string& node,
                     std::function<bool()> interrupted = {}, int ranks = 1) {
    fs::path grown;
    run_ranks(ranks, [&](Communicator& comm) {
      KeptNotes other;
      const auto nodes =
          grow(recipe, {folder / out, {node}, interrupted}, comm, comm.rank() == 0 ? notes : other);
      if (comm.rank() == 0) grown = nodes.back().folder;
    });
    return grown;
  }
  std::string error_of(const std::function<Recipe()>& recipe) {
    try {
      grow_node(recipe(), "errors", "filter");
    } catch (const Error& e) {
      return std::string(e.what()) + " | " + e.hint();
    }
    return "none";
  }
  std::string error_of_files(const Strings& sets) {
    return error_of([&] { return of_files(sets); });
  }
  std::string error_of_world(const Strings& sets) {
    return error_of([&] { return of_world(sets); });
  }
  static std::string digest(const fs::path& node) {
    return Checkpoint::open(node).manifest().weights;
  }
  static nlohmann::json report_of(const fs::path& node) {
    return nlohmann::json::parse(read_file(node / kModerationReport));
  }

  TempFolder folder;
  KeptNotes notes;
};

TEST_F(ModerationStage, LearnsWhichRequestsOfTheWorldAreImproper) {
  const Recipe recipe = of_world();
  const fs::path node = grow_node(recipe, "runs", "filter");
  const auto report = report_of(node);
  const auto look_alike = report["auroc"]["look_alike"];
  EXPECT_GT(look_alike["value"], 0.95) << report.dump(1);
  EXPECT_EQ(look_alike["clusters"], 8) << "intents";
  EXPECT_LE(look_alike["improper"], 24) << "each in three wordings, each text once";
  EXPECT_GE(look_alike["improper"], 20);
  EXPECT_GT(report["auroc"]["harmless"]["value"], 0.95);
  EXPECT_LE(report["set_aside"]["harmless"]["share"], 0.01);
  // Verbs that no harmless request of training had in these wordings.
  EXPECT_EQ(report["auroc"]["same_wording"]["clusters"], 5) << "verbs";
  EXPECT_EQ(report["flagged"].size(), kPromptKinds + 0u)
      << "without dialogs, with the same wording";
  const auto without =
      report_of(grow_node(of_world({"moderation.same_wording=0"}), "runs", "filter"));
  EXPECT_FALSE(without["auroc"].contains("same_wording"));
  EXPECT_EQ(without["flagged"].size(), kPromptKinds - 1u);
  EXPECT_FALSE(fs::exists(node / "best.safetensors"));
  const Manifest manifest = Checkpoint::open(node).manifest();
  EXPECT_EQ(manifest.stage_text.title, "content filter");
  EXPECT_EQ(manifest.datasets.at("moderation").at("documents"), 600);

  // What a server would do: the conversation in the template, the logit, the threshold.
  const Model filter = load_model(node);
  const StageContext context{recipe, *single_process(), notes, {}, {}, {},
                             {},     filter.tokenizer,  0,     {}};
  int64_t n = 0, right = 0;
  RequestsConfig config;
  config.kinds = {{"improper", 1}, {"look_alike", 1}};
  const auto requests = open_requests(config, recipe.node("filter"), context, 128);
  for (int64_t i = 0; i < 50; ++i) {
    const Tokens text = requests->context(i, ItemUse::test);
    const std::vector<std::span<const Token>> one = {text};
    const double p = sigmoid(request_logits(*filter.gpt, one, 1000)[0]);
    right += (p >= report["threshold"].get<double>()) ==
             (requests->kind(i, ItemUse::test) == "improper");
    ++n;
  }
  EXPECT_GE(right, n - 3);
  // Held-out requests and their look-alikes have the same eight intents.
  std::set<std::string> trained, tests;
  for (int64_t i = 0; i < 400; ++i) {
    trained.insert(requests->about(i, ItemUse::training));
    tests.insert(requests->about(i, ItemUse::test));
  }
  EXPECT_EQ(trained.size(), 16u);
  EXPECT_EQ(tests.size(), 8u);
  for (const std::string& intent : tests) EXPECT_FALSE(trained.contains(intent)) << intent;
}

TEST_F(ModerationStage, LearnsFromFiles) {
  const fs::path node = grow_node(of_files(), "runs", "filter");
  const auto report = report_of(node);
  EXPECT_GT(report["auroc"]["harmless"]["value"], 0.95) << report.dump(1);
  EXPECT_FALSE(report["auroc"].contains("look_alike"));
  EXPECT_EQ(report["flagged"].size(), 2u);
  EXPECT_THAT(notes.all, HasSubstr("filter: "));
  EXPECT_THAT(notes.all, HasSubstr(" prompts of rude within 32 tokens, "));
  const Manifest m = Checkpoint::open(node).manifest();
  EXPECT_EQ(m.datasets.at("rude").at("epochs"), 6);
  EXPECT_TRUE(m.datasets.contains("polite"));
  // Nothing held out: the threshold alone.
  const auto none = report_of(
      grow_node(of_files({"conversations.rude.heldout=0", "conversations.polite.heldout=0"}),
                "runs", "filter"));
  EXPECT_TRUE(none.contains("threshold"));
  EXPECT_FALSE(none.contains("auroc"));
  std::string all;
  for (const std::string& line :
       of_files({"moderation.kinds.page=1", "moderation.prompts=9"}).notes)
    all += line + "\n";
  for (const char* key : {"moderation.kinds", "moderation.prompts"})
    EXPECT_THAT(all, HasSubstr(std::string(key) + " has no effect: the requests come from files"));
}

TEST_F(ModerationStage, AKillOrAnInterruptionLosesNothing) {
  struct Killed {};
  const Recipe recipe = of_files({"run.checkpoint_every=2"});
  const fs::path once = grow_node(recipe, "straight", "filter");
  for (const int after : {3, 11, 20}) {  // of 66 steps; 11 are a pass
    const std::string out = "cut" + std::to_string(after);
    grow_node(recipe, out, "davinci");
    int steps = after;
    EXPECT_THROW(grow_node(recipe, out, "filter", [&] { return --steps < 0; }), Error);
    EXPECT_THROW(grow_node(recipe, out, "filter",
                           [kill = 1]() mutable -> bool {
                             if (--kill < 0) throw Killed();
                             return false;
                           }),
                 Killed);
    const fs::path again = grow_node(recipe, out, "filter");
    EXPECT_EQ(digest(again), digest(once)) << after;
    EXPECT_EQ(read_file(again / kModerationReport), read_file(once / kModerationReport));
  }
}

TEST_F(ModerationStage, RanksAgree) {
  const auto train = [&](const std::string& out, int ranks, const Strings& sets = {}) {
    grow_node(of_files(sets), out, "davinci");  // the same for all
    return grow_node(of_files(sets), out, "filter", {}, ranks);
  };
  // Where Adam's epsilon is below the rounding of a gradient, its sign alone moves a weight.
  const Strings few = {"moderation.epochs=1", "moderation.optimizer.eps=1e-3"};
  const Model one = load_model(train("one", 1, few)), two = load_model(train("two", 2, few));
  const auto x = one.parameters->values().data<float>(), y = two.parameters->values().data<float>();
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) most = std::max<double>(most, std::abs(x[i] - y[i]));
  EXPECT_LT(most, 1e-5);
  EXPECT_EQ(digest(train("again-a", 2)), digest(train("again-b", 2))) << "the whole run";
  train("less", 2, {"moderation.batch=1", "moderation.epochs=1"});  // than ranks
}

TEST_F(ModerationStage, BadInputIsNamedBeforeAnythingIsGrown) {
  EXPECT_THAT(error_of_files({"nodes.filter.parents=[]"}),
              HasSubstr("nodes.filter has 0 parents; a stage moderation wants one, the language "
                        "model that it starts from"));
  EXPECT_THAT(error_of_files({"nodes.filter.parents=[\"judge\"]"}),
              HasSubstr("nodes.filter's parent has a scalar head; wanted a language model"));
  EXPECT_THAT(error_of_files({"moderation.harmless_files=\"nice\""}),
              HasSubstr("moderation.harmless_files is \"nice\"; wanted the name of a "
                        "[conversations.NAME]"));
  EXPECT_THAT(error_of_files({"moderation.harmless_files=\"\""}),
              HasSubstr("moderation.harmless_files is \"\"; wanted the name of a"));
  EXPECT_THAT(error_of_files({"moderation.harmless_files=\"rude\""}),
              HasSubstr("moderation.harmless_files is that of improper_files, \"rude\"; wanted "
                        "another set"));
  EXPECT_THAT(
      error_of_files({"moderation.improper_files=\"\"", "moderation.harmless_files=\"\""}),
      HasSubstr("moderation has no requests; wanted improper_files and harmless_files, each "
                "the name of a [conversations.NAME] | requests of the micro-world take "
                "tokenizer.kind = \"world\""));
  EXPECT_THAT(error_of_world({"moderation.kinds.page=1"}),
              HasSubstr("moderation.kinds has no improper requests; wanted some of both, to tell "
                        "them apart"));
  EXPECT_THAT(error_of_world({"moderation.kinds.improper=1"}),
              HasSubstr("moderation.kinds has no harmless requests; wanted some of both"));
  EXPECT_THAT(error_of_world({"moderation.kinds.impoper=1"}),
              HasSubstr("moderation.kinds: \"impoper\" is no kind of request"));
  EXPECT_FALSE(fs::exists(folder / "errors" / "nodes"));
}

TEST_F(ModerationStage, AFilterAndARewardModelAreNotMistakenForOneAnother) {
  EXPECT_THAT(
      error_of_files({"nodes.policy.parents=[\"davinci\", \"filter\"]"}),
      HasSubstr("nodes.policy: its second parent, filter, is of stage moderation and judges "
                "no answers; wanted a node of stage reward"));
  EXPECT_THAT(error_of_files({"nodes.judge.parents=[\"filter\"]"}),
              HasSubstr("nodes.judge's parent, filter, is of stage moderation and writes no "
                        "answers; wanted a language model"));
  EXPECT_THAT(error_of_files({"nodes.policy.parents=[\"filter\", \"judge\"]"}),
              HasSubstr("nodes.policy's first parent has a scalar head; wanted a language model"));
}

TEST_F(ModerationStage, TooFewRequestsOfOneSideAreNamed) {
  write_text(folder / "rude.jsonl", R"({"messages": [{"role": "user", "content": "the cat"}]})"
                                    "\n");
  EXPECT_THAT(error_of_files({"conversations.rude.heldout=0"}),
              AllOf(HasSubstr("filter: of "), HasSubstr(" requests to train on 0 are improper; "
                                                        "wanted some that are and some that are "
                                                        "not")));
}

}  // namespace
}  // namespace lineage
