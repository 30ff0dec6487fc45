// Every stage that tunes a parent, with adapters in place of its weights.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "lineage/base/error.h"
#include "lineage/checkpoint/adapters.h"
#include "lineage/comm/threads.h"
#include "lineage/run/testing.h"
#include "lineage/stages/grow.h"

namespace lineage {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::small_recipe;
using testing::TempFolder;
using testing::write_corpus;
using testing::write_text;
namespace fs = std::filesystem;

constexpr const char* kStages = R"(
[sft]
epochs = 4
mixture = { asked = 1 }
batch_tokens = 128
[sft.lora]
rank = 4
targets = ["q", "k", "v", "attention_out", "mlp_in", "mlp_out"]
[sft.optimizer]
lr = 3e-3
[feedme]
epochs = 4
mixture = { asked = 1 }
batch_tokens = 128
ratings = "rated"
[feedme.lora]
targets = "qkv"
[reward]
preferences = "judged"
batch_prompts = 16
epochs = 2
trainings = 2
[reward.lora]
rank = 2
[reward.optimizer]
lr = 3e-3
[dpo]
preferences = "judged"
batch_pairs = 16
[dpo.lora]
rank = 2
[dpo.optimizer]
lr = 3e-3
[ppo]
files = "asked"
episodes = 96
batch = 16
minibatch = 8
max_tokens = 6
ptx_rows = 2
[ppo.lora]
rank = 2
[grpo]
files = "asked"
reward = "answer"
episodes = 96
batch = 16
minibatch = 8
max_tokens = 6
stop_entropy = 0
ptx_rows = 2
ptx_relative = false
[grpo.lora]
rank = 2
[nodes.tuned]
stage = "sft"
parents = ["davinci"]
[nodes.fed]
stage = "feedme"
parents = ["davinci"]
[nodes.judge]
stage = "reward"
parents = ["davinci"]
[nodes.direct]
stage = "dpo"
parents = ["davinci"]
[nodes.policy]
stage = "ppo"
parents = ["davinci", "judge"]
[nodes.grouped]
stage = "grpo"
parents = ["davinci"]
)";

class LoraStages : public ::testing::Test {
 protected:
  LoraStages() {
    write_corpus(folder / "corpus", 40);
    std::string judged, asked, rated;
    for (int i = 0; i < 120; ++i)
      judged += R"({"prompt": "say )" + std::to_string(i) +
                R"(", "chosen": "a cat", "rejected": )" + "\"the dog " + std::to_string(i % 5) +
                "\"}\n";
    for (int i = 0; i < 60; ++i)
      asked += R"({"question": "sum )" + std::to_string(i) + R"(", "answer": "one\n#### )" +
               std::to_string(i % 2) + "\"}\n";
    for (int i = 0; i < 20; ++i)
      rated += R"({"prompt": "say )" + std::to_string(i) +
               R"(", "completion": "well", "rating": )" + (i % 4 == 0 ? "7" : "3") + "}\n";
    write_text(folder / "judged.jsonl", judged);
    write_text(folder / "asked.jsonl", asked);
    write_text(folder / "rated.jsonl", rated);
  }

  Recipe recipe(const std::vector<std::string>& sets = {}) const {
    const auto path = [&](const char* name) {
      return "paths = [\"" + (folder / name).string() + "\"]\n";
    };
    return parse_recipe(
        small_recipe(folder / "corpus",
                     "[preferences.judged]\n" + path("judged.jsonl") +
                         "heldout = 0.2\n[conversations.asked]\n" + path("asked.jsonl") +
                         "heldout = 0.2\n[conversations.rated]\n" + path("rated.jsonl") + kStages),
        "small.toml", sets);
  }
  fs::path grow_node(const std::string& out, const std::string& node,
                     const std::vector<std::string>& sets = {},
                     std::function<bool()> interrupted = {}) const {
    const auto ranks = single_process();
    return grow(recipe(sets), {folder / out, {node}, std::move(interrupted)}, *ranks, silent())
        .back()
        .folder;
  }
  static std::string digest(const fs::path& node) {
    return Checkpoint::open(node).manifest().weights;
  }

  TempFolder folder;
};

// The weights of a node are those of its parent and its adapters, and nothing else has changed.
void expect_merged(const fs::path& node, const fs::path& parent) {
  const Model grown = load_model(node), base = load_model(parent);
  const AdapterSet set = read_adapters(node / AdapterSet::kFile, grown.config);
  EXPECT_EQ(set.base_name, "davinci");
  EXPECT_EQ(set.base_weights, base.manifest.weights);
  EXPECT_FALSE(set.adapters.empty());
  std::set<std::string> changed;
  for (const Adapter& a : set.adapters) {
    changed.insert(a.matrix + ".weight");
    add_to(base.parameters->at(a.matrix + ".weight").value, a);
  }
  for (const Parameter& p : grown.parameters->all()) {
    if (p.name.starts_with("scalar_head.")) continue;
    const auto seen = p.value.data<float>(),
               wanted = base.parameters->at(p.name).value.data<float>();
    if (!changed.contains(p.name)) {
      EXPECT_EQ(std::memcmp(seen.data(), wanted.data(), seen.size_bytes()), 0) << p.name;
      continue;
    }
    for (size_t i = 0; i < seen.size(); ++i) ASSERT_NEAR(seen[i], wanted[i], 1e-6) << p.name;
  }
}

TEST_F(LoraStages, EveryStageTrainsAdaptersAndWritesMergedWeights) {
  const fs::path parent = grow_node("runs", "davinci");
  for (const char* name : {"tuned", "fed", "judge", "direct", "policy", "grouped"}) {
    SCOPED_TRACE(name);
    const fs::path node = grow_node("runs", name);
    EXPECT_NE(digest(node), digest(parent));
    expect_merged(node, parent);
    EXPECT_TRUE(Checkpoint::open(node).manifest().files.contains(AdapterSet::kFile));
    EXPECT_THAT(Checkpoint::open(node).manifest().config, HasSubstr(".lora]\nrank = "));
    EXPECT_FALSE(fs::exists(node / "best.safetensors"));
  }
}

TEST_F(LoraStages, AKillOrAnInterruptionLosesNothing) {
  struct Killed {};
  const std::vector<std::string> sets = {"run.checkpoint_every=2"};
  for (const char* node : {"tuned", "judge", "direct", "policy", "grouped"}) {
    const std::string straight = digest(grow_node("straight", node, sets));
    const std::string out = node;
    for (const char* parent : {"davinci", "judge"})
      if (std::string(node) != parent) grow_node(out, parent, sets);
    int steps = 3;
    EXPECT_THROW(grow_node(out, node, sets, [&] { return --steps < 0; }), Error) << out;
    EXPECT_THROW(grow_node(out, node, sets,
                           [kill = 1]() mutable -> bool {
                             if (--kill < 0) throw Killed();
                             return false;
                           }),
                 Killed)
        << out;
    EXPECT_EQ(digest(grow_node(out, node, sets)), straight) << out;
  }
}

TEST_F(LoraStages, RanksTrainTheSameAdapters) {
  const fs::path alone = grow_node("alone", "tuned");
  run_ranks(2, [&](Communicator& ranks) {
    grow(recipe(), {folder / "two", {"tuned"}, {}}, ranks, silent());
  });
  const Model one = load_model(alone), two = load_model(grow_node("two", "tuned"));
  const auto a = one.parameters->values().data<float>(), b = two.parameters->values().data<float>();
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-3);
}

TEST_F(LoraStages, NodesWithoutAdaptersKeepTheirIdentity) {
  Recipe without = recipe();
  const Recipe with = without;
  const RecipeNode& node = with.node("tuned");
  const std::string frozen = stage_of(node).frozen(node);
  EXPECT_THAT(frozen, HasSubstr("[sft.lora]\nrank = 4\nalpha = 16.0\ntargets = [\"q\", \"k\""));
  EXPECT_THAT(stage_of(node).frozen(with.node("tuned")), HasSubstr("lora"));
  const std::string plain = small_recipe(
      folder / "corpus", "[conversations.asked]\npaths = [\"" + (folder / "asked.jsonl").string() +
                             "\"]\n[nodes.tuned]\nstage = \"sft\"\nparents = "
                             "[\"davinci\"]\n");
  const Recipe other = parse_recipe(plain, "plain.toml", {});
  EXPECT_THAT(stage_of(other.node("tuned")).frozen(other.node("tuned")), Not(HasSubstr("lora")));
}

TEST_F(LoraStages, LessMemoryAndDiskArePlanned) {
  const auto memory = [&](const Recipe& r) {
    const RecipeNode& node = r.node("tuned");
    return stage_of(node).plan(node, r, 1).memory_bytes;
  };
  const Recipe small = recipe();
  EXPECT_LT(
      memory(recipe({"model.width=1024", "model.heads=16", "model.layers=12"})),
      memory(parse_recipe(
          small_recipe(folder / "corpus", "[conversations.asked]\npaths = [\"" +
                                              (folder / "asked.jsonl").string() +
                                              "\"]\n[sft]\nbatch_tokens = 128\n[nodes.tuned]\n"
                                              "stage = \"sft\"\nparents = [\"davinci\"]\n"),
          "plain.toml", {"model.width=1024", "model.heads=16", "model.layers=12"})) /
          2);
}

TEST_F(LoraStages, BadInputIsNamedBeforeAnythingIsGrown) {
  const auto error = [&](const char* set) {
    try {
      grow_node("errors", "tuned", {set});
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  EXPECT_THAT(
      error("sft.lora.rank=33"),
      HasSubstr("nodes.tuned.sft.lora.rank is 33; the matrix of target q is 32 by 32, which "
                "wants at most 32"));
  EXPECT_THAT(error("sft.lora.targets=[\"qq\"]"),
              HasSubstr("sft.lora.targets.0 is \"qq\"; wanted one of q, k, v, qkv, attention_out, "
                        "mlp_in, mlp_out"));
  EXPECT_THAT(error("sft.lora.dropout=0.1"), HasSubstr("unknown key sft.lora.dropout"));
  EXPECT_FALSE(fs::exists(folder / "errors" / "nodes"));
}

}  // namespace
}  // namespace lineage
