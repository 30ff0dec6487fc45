// The stages that learn from feedback, on files: a tiny language model, what people prefer of its
// answers, and prompts to answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/checkpoint/model.h"
#include "lineage/checkpoint/safetensors.h"
#include "lineage/comm/threads.h"
#include "lineage/run/testing.h"
#include "lineage/stages/feedback_outcome.h"
#include "lineage/stages/grow.h"
#include "lineage/stages/requests.h"
#include "lineage/stages/reward_report.h"

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

// Keeps what is told.
class Notes final : public Progress {
 public:
  void update(std::string_view, double, std::string_view) override {}
  void note(std::string_view line) override { all += std::string(line) + "\n"; }
  std::string all;
};

// The better answer is the one that says "cat".
std::string comparison(int i) {
  const std::string better = std::string(i % 3 + 1, 'a') + " cat";
  return R"({"prompt": "say )" + std::to_string(i) + R"(", "chosen": ")" + better +
         R"(", "rejected": "the dog )" + std::to_string(i % 5) + "\"}\n";
}

// Questions whose answers are numbers, as GSM8K has them.
std::string question(int i) {
  return R"({"question": "sum )" + std::to_string(i) + R"(", "answer": "one\n#### )" +
         std::to_string(i % 2) + "\"}\n";
}

constexpr const char* kStages = R"(
[sft]
epochs = 20
batch_tokens = 128
select = "last"
[sft.optimizer]
lr = 3e-3
[reward]
preferences = "judged"
batch_prompts = 16
trainings = 2
[reward.optimizer]
lr = 3e-3
[dpo]
preferences = "judged"
batch_pairs = 16
[dpo.optimizer]
lr = 1e-3
[ppo]
files = "asked"
episodes = 96
batch = 16
minibatch = 8
max_tokens = 6
micro_tokens = 64
ptx_rows = 2
[grpo]
files = "asked"
reward = "answer"
episodes = 96
batch = 16
minibatch = 8
max_tokens = 6
stop_entropy = 0
[best_of_n]
files = "asked"
reward = "answer"
n = 2
episodes = 40
max_tokens = 12
batch_tokens = 128
[nodes.judge]
stage = "reward"
parents = ["davinci"]
[nodes.policy]
stage = "ppo"
parents = ["davinci", "judge"]
[nodes.grouped]
stage = "grpo"
parents = ["davinci"]
[nodes.direct]
stage = "dpo"
parents = ["davinci"]
[nodes.tuned]
stage = "sft"
parents = ["davinci"]
[nodes.best]
stage = "best_of_n"
parents = ["tuned"]
)";

class FeedbackStages : public ::testing::Test {
 protected:
  FeedbackStages() {
    write_corpus(folder / "corpus", 40);
    std::string judged, asked;
    for (int i = 0; i < 120; ++i) judged += comparison(i);
    for (int i = 0; i < 60; ++i) asked += question(i);
    write_text(folder / "judged.jsonl", judged);
    write_text(folder / "asked.jsonl", asked);
  }

  std::string files(const std::string& more) const {
    return "[preferences.judged]\npaths = [\"" + (folder / "judged.jsonl").string() +
           "\"]\nheldout = 0.2\n[conversations.asked]\npaths = [\"" +
           (folder / "asked.jsonl").string() + "\"]\nheldout = 0.2\n" + more;
  }
  Recipe recipe(const std::vector<std::string>& sets = {},
                const std::string& more = kStages) const {
    return parse_recipe(small_recipe(folder / "corpus", files(more)), "small.toml", sets);
  }
  // Grows a node and what it needs; its folder.
  fs::path grow_node(const std::string& out, const std::string& node,
                     const std::vector<std::string>& sets = {},
                     std::function<bool()> interrupted = {}) {
    const auto ranks = single_process();
    return grow(recipe(sets), {folder / out, {node}, std::move(interrupted)}, *ranks, notes)
        .back()
        .folder;
  }
  std::string error_of(const std::string& node, const std::vector<std::string>& sets = {},
                       const std::string& out = "errors") {
    try {
      grow_node(out, node, sets);
    } catch (const Error& e) {
      return std::string(e.what()) + " | " + e.hint();
    }
    return "none";
  }
  static std::string digest(const fs::path& node) {
    return Checkpoint::open(node).manifest().weights;
  }
  static nlohmann::json json_of(const fs::path& file) {
    return nlohmann::json::parse(read_file(file));
  }
  // The metrics of a node's steps, by step.
  static std::vector<nlohmann::json> metrics(const fs::path& node) {
    std::vector<nlohmann::json> lines;
    std::ifstream in(node / "metrics.jsonl");
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  TempFolder folder;
  Notes notes;
};

TEST_F(FeedbackStages, ARewardModelLearnsWhatPeoplePrefer) {
  const fs::path judge = grow_node("runs", "judge", {"reward.epochs=4"});
  const auto report = json_of(judge / kRewardReport);
  EXPECT_GT(report["labels"]["share"], 0.8) << report.dump(1);
  EXPECT_GT(report["labels"]["pairs"], 12);
  EXPECT_EQ(report["length_only"]["pairs"], report["labels"]["pairs"]);
  EXPECT_FALSE(report.contains("utility"));
  EXPECT_FALSE(report.contains("by_kind"));
  EXPECT_LT(fs::file_size(judge / kRewardReport), 3000u);
  EXPECT_FALSE(fs::exists(judge / "best.safetensors"));
  const Manifest m = Checkpoint::open(judge).manifest();
  EXPECT_EQ(m.datasets.at("judged").at("kind"), "preferences");
}

TEST_F(FeedbackStages, DpoPrefersWhatPeoplePrefer) {
  const auto lines = metrics(grow_node("runs", "direct", {"dpo.epochs=4"}));
  EXPECT_GT(lines.back().at("heldout_accuracy").get<double>(), 0.8) << lines.back().dump();
}

TEST_F(FeedbackStages, PoliciesAnswerThePromptsOfFiles) {
  const fs::path policy = grow_node("runs", "policy");
  EXPECT_THAT(notes.all, HasSubstr("policy: "));
  EXPECT_THAT(notes.all, HasSubstr(" prompts of asked within 26 tokens, "));
  const auto outcome = json_of(policy / kFeedbackOutcome);
  EXPECT_FALSE(outcome.contains("behaviours"));
  EXPECT_FALSE(outcome["answers"].contains("gold"));
  const auto asked = Checkpoint::open(policy).manifest().datasets.at("asked");
  EXPECT_EQ(outcome["answers"]["reward"]["model"]["n"], asked.at("heldout_documents"))
      << "fewer prompts than are compared at most";
  EXPECT_NEAR(asked.at("epochs").get<double>(), 96.0 / asked.at("documents").get<double>(), 1e-9);
  const auto grouped = metrics(grow_node("runs", "grouped"));
  EXPECT_TRUE(grouped.front().contains("reward"));
  const Manifest best = Checkpoint::open(grow_node("runs", "best")).manifest();
  EXPECT_GT(best.datasets.at("best_of_n").at("documents"), 10);
  EXPECT_THAT(error_of("best", {"nodes.best.parents=[\"davinci\"]", "best_of_n.max_tokens=2"}),
              HasSubstr("best: none of the 20 best answers has an end within max_tokens, 2"));
  // Nothing held out.
  const auto none = grow_node("runs", "policy", {"conversations.asked.heldout=0"});
  EXPECT_EQ(json_of(none / kFeedbackOutcome)["answers"], nlohmann::json::object());
}

TEST_F(FeedbackStages, PromptsNeedNoAnswersUnlessTheyAreTheReward) {
  std::string asked;
  for (int i = 0; i < 20; ++i)
    asked += R"({"messages": [{"role": "user", "content": "say )" + std::to_string(i) + "\"}]}\n";
  write_text(folder / "asked.jsonl", asked);
  EXPECT_NE(grow_node("runs", "policy"), fs::path());
  EXPECT_THAT(error_of("grouped"),
              AllOf(HasSubstr("grouped: reward is \"answer\", and no prompt of conversations.asked "
                              "has an answer in its record to compare with"),
                    HasSubstr("| see docs/formats.md")));
}

TEST_F(FeedbackStages, RequestsOfFilesAreInAnotherOrderEachPass) {
  const Recipe r = recipe();
  const fs::path node = grow_node("runs", "davinci");
  const auto ranks = single_process();
  const std::shared_ptr<const Tokenizer> tokenizer = load_model(node).tokenizer;
  const StageContext context{r, *ranks, notes, node, {}, {}, {}, tokenizer, 0, {}};
  RequestsConfig config;
  config.files = "asked";
  const auto requests = open_requests(config, r.node("grouped"), context, 100, true);
  const int64_t n = requests->size(ItemUse::training), m = requests->size(ItemUse::test);
  EXPECT_EQ(n + m, 60);
  std::set<Tokens> first, tests;
  std::vector<Tokens> order, again;
  for (int64_t i = 0; i < n; ++i) {
    order.push_back(requests->context(i, ItemUse::training));
    again.push_back(requests->context(n + i, ItemUse::training));
    first.insert(order.back());
    EXPECT_EQ(requests->context(i, ItemUse::training), order.back());
  }
  for (int64_t i = 0; i < m; ++i) tests.insert(requests->context(i, ItemUse::test));
  EXPECT_EQ(std::ssize(first), n);
  EXPECT_EQ(std::ssize(tests), m);
  for (const Tokens& t : tests) EXPECT_FALSE(first.contains(t));
  EXPECT_NE(order, again);
  EXPECT_EQ(std::set<Tokens>(again.begin(), again.end()), first);
  // The answer is right by the number at its end.
  const Tokens reference = *requests->reference(3, ItemUse::training);
  const std::string text = tokenizer->decode(reference);
  const char digit = text.back(), other = digit == '0' ? '1' : '0';
  const auto right = [&](const std::string& answer, bool ended = true) {
    return *requests->right(3, ItemUse::training, tokenizer->encode(answer), ended);
  };
  EXPECT_TRUE(right(text));
  EXPECT_FALSE(right(text, false)) << "an answer that was cut off";
  EXPECT_TRUE(right(std::string("so it is ") + digit + ".00"));
  EXPECT_FALSE(right(std::string("#### ") + other));
  EXPECT_FALSE(right(""));
}

// Of a model that has learned nothing: the numbers are there, whatever they are.
TEST_F(FeedbackStages, EveryWayOfTheMicroWorldIsMeasuredAgainstItsParent) {
  const Recipe r = parse_recipe(small_world_recipe(R"(
[model]
layers = 1
width = 16
heads = 2
context = 256
vocab = 0
[pretrain]
tokens = 1024
batch_tokens = 1024
[run]
behaviour_samples = 2
[demonstrations.instruct]
types = 8
examples = 40
[best_of_n]
reward = "utility"
episodes = 400
max_tokens = 8
pretrain_share = 0.2
batch_tokens = 1024
[dpo]
prompts = 20
samples = 2
max_tokens = 8
heldout = 5
[nodes.best]
stage = "best_of_n"
parents = ["davinci"]
[nodes.direct]
stage = "dpo"
parents = ["davinci"]
)"),
                                "world.toml");
  const auto ranks = single_process();
  for (const char* node : {"best", "direct"}) {
    const fs::path grown = grow(r, {folder / "world", {node}, {}}, *ranks, notes).back().folder;
    const auto outcome = json_of(grown / kFeedbackOutcome);
    EXPECT_EQ(outcome["answers"]["gold"]["win_rate"]["n"], 600) << node;
    EXPECT_EQ(outcome["behaviours"]["model"].size(), kPromptKinds) << node;
    EXPECT_TRUE(outcome["text"].contains("parent")) << node;
  }
}

TEST_F(FeedbackStages, TheMicroWorldsOwnCheckersJudgeProblemsAndPrograms) {
  const Recipe r = parse_recipe(small_world_recipe(R"(
[model]
layers = 1
width = 16
heads = 2
context = 256
vocab = 0
[pretrain]
tokens = 1024
batch_tokens = 1024
[demonstrations.problems]
families = ["word_problem"]
[demonstrations.programs]
families = ["write_function"]
[grpo]
reward = "answer"
[nodes.grouped]
stage = "grpo"
parents = ["davinci"]
)"),
                                "world.toml");
  const auto ranks = single_process();
  const auto tokenizer = Vocabulary::get().tokenizer();
  const StageContext context{r, *ranks, notes, {}, {}, {}, {}, tokenizer, 0, {}};
  for (const char* set : {"problems", "programs"}) {
    RequestsConfig config;
    config.kinds = {{"instruction", 1}};
    config.mixture = {{set, 1}};
    const auto requests = open_requests(config, r.node("grouped"), context, 200, true);
    for (int64_t i = 0; i < 40; ++i) {
      const Tokens good = *requests->reference(i, ItemUse::training);
      EXPECT_TRUE(*requests->right(i, ItemUse::training, good, true)) << set << i;
      EXPECT_FALSE(*requests->right(i, ItemUse::training, good, false)) << set << i;
      EXPECT_FALSE(*requests->right(i, ItemUse::training, {}, true)) << set << i;
      const auto half = std::span(good).first(good.size() / 2);
      EXPECT_FALSE(*requests->right(i, ItemUse::training, half, true)) << set << i;
    }
  }
}

TEST_F(FeedbackStages, BadInputIsNamedBeforeAnythingIsGrown) {
  EXPECT_THAT(error_of("policy", {"nodes.policy.parents=[\"davinci\"]"}),
              HasSubstr("nodes.policy has 1 parent; wanted two: the model to train and its reward "
                        "model | or set reward = \"utility\" or \"answer\""));
  EXPECT_THAT(error_of("policy", {"nodes.policy.parents=[\"davinci\", \"tuned\"]"}),
              HasSubstr("nodes.policy: its second parent, tuned, is no reward model; wanted a node "
                        "of stage reward"));
  EXPECT_THAT(error_of("policy", {"nodes.policy.parents=[\"judge\", \"judge\"]"}),
              HasSubstr("nodes.policy's first parent has a scalar head; wanted a language model"));
  EXPECT_THAT(error_of("policy", {"ppo.batch=12"}),
              HasSubstr("ppo.batch is 12; wanted a multiple of minibatch, 8"));
  EXPECT_THAT(error_of("grouped", {"grpo.group=3"}),
              HasSubstr("grpo.minibatch is 8; wanted a multiple of group, 3"));
  EXPECT_THAT(error_of("policy", {"ppo.files=\"demos\""}),
              HasSubstr("ppo.files is \"demos\"; wanted the name of a [conversations.NAME]"));
  EXPECT_THAT(error_of("policy", {"ppo.files=\"\""}),
              HasSubstr("ppo has no prompts; wanted files, the name of a [conversations.NAME]"));
  EXPECT_THAT(error_of("grouped", {"grpo.reward=\"utility\""}),
              HasSubstr("grpo.reward is \"utility\", which no labeler of ours knows of files"));
  EXPECT_THAT(error_of("direct", {"dpo.preferences=\"liked\""}),
              HasSubstr("dpo.preferences is \"liked\"; wanted the name of a [preferences.NAME]"));
  write_text(folder / "judged.jsonl", R"({"prompt": "a", "chosen": "b", "rejected": "b"})");
  for (const char* node : {"judge", "direct"})
    EXPECT_THAT(error_of(node),
                HasSubstr("preferences.judged: 1 file holds no comparison: 1 dropped (1 tie)"));
  EXPECT_FALSE(fs::exists(folder / "errors" / "nodes"));
}

TEST_F(FeedbackStages, KeysOfTheMicroWorldHaveNoEffectOnFiles) {
  std::string all;
  for (const std::string& line :
       recipe({"ppo.kinds.page=1", "grpo.kinds.page=1", "reward.samples=3", "dpo.kinds.page=1"})
           .notes)
    all += line + "\n";
  for (const char* key : {"ppo.kinds", "grpo.kinds"})
    EXPECT_THAT(all, HasSubstr(std::string(key) + " has no effect: the prompts come from files"));
  for (const char* key : {"reward.samples", "dpo.kinds"})
    EXPECT_THAT(
        all, HasSubstr(std::string(key) + " has no effect: the comparisons come from preferences"));
}

TEST_F(FeedbackStages, WhatDoesNotFitTheContextIsTold) {
  const std::string words(200, 'x');
  std::string judged, asked;
  for (int i = 0; i < 40; ++i) {
    judged += R"({"prompt": "say )" + words + R"(", "chosen": "yes", "rejected": "no)" +
              std::to_string(i) + "\"}\n";
    asked += R"({"question": "say )" + words + std::to_string(i) + R"(", "answer": "1"})" + "\n";
  }
  write_text(folder / "judged.jsonl", judged);
  write_text(folder / "asked.jsonl", asked);
  for (const char* node : {"judge", "direct"})
    EXPECT_THAT(error_of(node, {"preferences.judged.too_long=\"drop\""}),
                HasSubstr("preferences.judged: nothing is left to train on; wanted at least one "
                          "comparison within 32 tokens"));
  EXPECT_THAT(error_of("grouped"),
              HasSubstr("conversations.asked: no prompt is left; wanted at least one within 26"));
  write_text(folder / "asked.jsonl", asked + question(1) + question(2) + question(3));
  grow_node("runs", "grouped", {"conversations.asked.heldout=0"});
  EXPECT_THAT(notes.all, HasSubstr("grouped: 3 prompts of asked within 26 tokens, 0 more held out; "
                                   "40 dropped (40 prompt too long)"));
}

TEST_F(FeedbackStages, APolicyThatGoesWrongStopsAndKeepsItsLastState) {
  const auto states = [&](const std::string& out, const std::string& node) {
    int64_t n = 0;
    for (const auto& at : fs::directory_iterator(folder / out / "nodes"))
      if (at.path().filename().string().starts_with(node + "-"))
        for (const auto& file : fs::directory_iterator(at.path()))
          n += file.path().filename().string().starts_with("training-") &&
               file.path().extension() == ".safetensors";
    return n;
  };
  EXPECT_THAT(error_of("policy", {"ppo.stop_kl=1e-6", "run.checkpoint_every=1"}, "kl"),
              AllOf(HasSubstr("policy: KL: an answer is "),
                    HasSubstr("nats from the parent; wanted at most stop_kl, 1e-06"),
                    HasSubstr("The last saved state is kept")));
  EXPECT_GE(states("kl", "policy"), 1);
  EXPECT_THAT(error_of("grouped", {"grpo.stop_entropy=50"}, "entropy"),
              AllOf(HasSubstr("grouped: entropy: a token has "),
                    HasSubstr("nats; wanted at least stop_entropy, 50")));
  // A reward model that went wrong, and one that reads other tokens.
  const fs::path judge = grow_node("bad", "judge");
  Model model = load_model(judge);
  const auto write = [&](const Tokenizer& tokenizer) {
    Manifest manifest = model.manifest;
    Checkpoint::write(judge, manifest, *model.parameters, &tokenizer);
  };
  const auto other = load_model(grow_node("other", "davinci", {"tokenizer.vocab=290"})).tokenizer;
  write(*other);
  EXPECT_THAT(
      error_of("policy", {}, "bad"),
      HasSubstr("policy: its reward model judge has another tokenizer; wanted the policy's"));
  // Finite weights whose products are not; others cannot be written.
  std::ranges::fill(model.parameters->at("scalar_head.weight").value.data<float>(), 1e38f);
  model.parameters->at("scalar_head.bias").value.data<float>()[0] = 3e38f;
  write(*model.tokenizer);
  EXPECT_THAT(error_of("policy", {}, "bad"),
              AllOf(HasSubstr("policy: the reward model gives an answer "),
                    HasSubstr("inf; wanted a finite number | grow the reward model again")));
}

// Ouyang et al. 2022 train a policy of 175B parameters with a reward and value model of 6B.
TEST_F(FeedbackStages, RewardAndValueModelMayHaveAnotherSize) {
  const std::string small = R"([nodes.small]
stage = "pretrain"
[nodes.small.model]
layers = 1
width = 16
[nodes.small-judge]
stage = "reward"
parents = ["small"]
[nodes.small-valued]
stage = "ppo"
parents = ["davinci", "small-judge"]
)";
  const auto ranks = single_process();
  const fs::path node = grow(recipe({"run.checkpoint_every=3"}, std::string(kStages) + small),
                             {folder / "runs", {"small-valued"}, {}}, *ranks, notes)
                            .back()
                            .folder;
  EXPECT_EQ(load_model(node).config.width, 32);
  double first = 0, last = 0;
  const auto lines = metrics(node);
  for (const auto& line : lines) {
    EXPECT_EQ(line.at("first_ratio_difference"), 0);
    last = line.at("value_loss");
    if (first == 0) first = last;
  }
  EXPECT_EQ(lines.size(), 6);
  EXPECT_LT(last, first) << "the value model learns";
}

TEST_F(FeedbackStages, AKillOrAnInterruptionLosesNothing) {
  struct Killed {};
  const std::vector<std::string> sets = {"run.checkpoint_every=2"};
  for (const char* node : {"judge", "direct", "policy", "grouped"}) {
    const std::string straight = digest(grow_node("straight", node, sets));
    // Of two trainings of six steps, the first one's last step too.
    for (const int after : std::string(node) == "judge" ? std::vector{2, 5} : std::vector{2}) {
      const std::string out = std::string(node) + std::to_string(after);
      for (const char* parent : {"davinci", "judge"})
        if (std::string(node) != parent) grow_node(out, parent, sets);
      int steps = after;
      EXPECT_THROW(grow_node(out, node, sets, [&] { return --steps < 0; }), Error) << out;
      // Then a kill, which goes back to the state saved before.
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
}

TEST_F(FeedbackStages, RanksDrawTheSameAnswersAndAgree) {
  const auto train = [&](const std::string& out, int ranks, const std::string& node,
                         const std::vector<std::string>& sets) {
    fs::path grown;
    run_ranks(ranks, [&](Communicator& comm) {
      const auto nodes = grow(recipe(sets), {folder / out, {node}, {}}, comm, silent());
      if (comm.rank() == 0) grown = nodes.back().folder;
    });
    return grown;
  };
  for (const std::string node : {"policy", "grouped"}) {
    const std::string table = node == "policy" ? "ppo" : "grpo";
    const auto once = [&](const std::string& out, int ranks) {
      for (const char* parent : {"davinci", "judge"})
        train(out, 1, parent, {});  // the same for both
      return train(out, ranks, node,
                   {table + ".episodes=16", table + ".minibatch=16", "grpo.no_end_penalty=0.5"});
    };
    const fs::path one = once(node + "-one", 1), two = once(node + "-two", 2);
    const auto a = metrics(one).front(), b = metrics(two).front();
    for (const char* key : {"reward", "kl", "entropy", "length", "cut_off", "policy_loss",
                            "value_loss", "grad_norm", "approx_kl"})
      if (a.contains(key)) {
        const double x = a.at(key), y = b.at(key);
        EXPECT_NEAR(x, y, 1e-5 * std::max(1.0, std::abs(x))) << node << " " << key;
      }
    const Model x = load_model(one), y = load_model(two);
    double most = 0;
    for (int64_t i = 0; i < x.parameters->numel(); ++i)
      most = std::max<double>(most, std::abs(x.parameters->values().data<float>()[i] -
                                             y.parameters->values().data<float>()[i]));
    EXPECT_LT(most, 1e-5) << node;
    const std::string again = digest(train(node + "-a", 2, node, {}));
    EXPECT_EQ(digest(train(node + "-b", 2, node, {})), again) << "the whole run";
  }
  // A step with fewer answers than ranks.
  train("few", 2, "policy", {"ppo.episodes=4", "ppo.batch=2", "ppo.minibatch=1"});
  train("few", 2, "grouped",
        {"grpo.episodes=8", "grpo.batch=4", "grpo.minibatch=2", "grpo.group=2"});
  train("few", 2, "judge", {"reward.batch_prompts=1"});
  train("few", 2, "direct", {"dpo.batch_pairs=1"});
}

// The same as processes, whose ranks share nothing but messages.
TEST_F(FeedbackStages, ProcessesUnderMpirunDrawTheSameAnswersAndAgree) {
  if (std::system("command -v mpirun >/dev/null") != 0) GTEST_SKIP() << "mpirun is not installed";
  write_text(folder / "policy.toml", small_recipe(folder / "corpus", files(kStages)));
  const auto run = [&](int processes, const std::string& out, const std::string& node) {
    const std::string command =
        "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe "
        "--bind-to none -np " +
        std::to_string(processes) + " " LINEAGE_BINARY " grow " +
        (folder / "policy.toml").string() + " --threads 1 --no-eval --out " +
        (folder / out).string() + " --node " + node +
        " --set ppo.episodes=32 --set ppo.minibatch=16 >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  };
  std::vector<fs::path> nodes;
  for (const int processes : {1, 2, 2}) {
    const std::string out = "mpi" + std::to_string(nodes.size());
    run(1, out, "judge");
    run(processes, out, "policy");
    for (const auto& entry : fs::directory_iterator(folder / out / "nodes"))
      if (entry.path().filename().string().starts_with("policy-")) nodes.push_back(entry.path());
  }
  ASSERT_EQ(nodes.size(), 3u);
  const auto one = metrics(nodes[0]).front(), two = metrics(nodes[1]).front();
  for (const char* key : {"reward", "kl", "length", "policy_loss", "value_loss", "grad_norm"}) {
    const double x = one.at(key), y = two.at(key);
    EXPECT_NEAR(x, y, 1e-5 * std::max(1.0, std::abs(x))) << key;
  }
  EXPECT_EQ(digest(nodes[1]), digest(nodes[2])) << "the whole run";
}

}  // namespace
}  // namespace lineage
