#include "lineage/stages/recipe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "lineage/base/error.h"
#include "lineage/base/testing.h"
#include "lineage/stages/recipe_keys.h"
#include "lineage/stages/stage.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// Every table that a recipe may have, on files and on the micro-world.
constexpr std::string_view kAll = R"(
seed = 3
[tokenizer]
vocab = 300
[model]
layers = 1
width = 16
heads = 2
context = 16
[sources.words]
paths = [")" LINEAGE_SOURCE_DIR R"(/README.md"]
[conversations.chats]
paths = [")" LINEAGE_SOURCE_DIR R"(/README.md"]
[conversations.others]
paths = [")" LINEAGE_SOURCE_DIR R"(/README.md"]
[corpora.mica]
tokens = 1000
[demonstrations.few]
examples = 10
[dialogs.talks]
examples = 10
[preferences.judged]
paths = [")" LINEAGE_SOURCE_DIR R"(/README.md"]
[pretrain]
tokens = 64
batch_tokens = 32
[sft]
tokens = 64
batch_tokens = 32
[feedme]
tokens = 64
batch_tokens = 32
mixture = {few = 1}
[nodes.base]
stage = "pretrain"
[nodes.chat]
stage = "sft"
parents = ["base"]
[reward]
preferences = "judged"
[dpo]
preferences = "judged"
[ppo]
files = "chats"
max_tokens = 4
[grpo]
files = "chats"
reward = "answer"
max_tokens = 4
[best_of_n]
files = "chats"
reward = "answer"
max_tokens = 4
tokens = 64
batch_tokens = 32
mixture = {few = 1}
[nodes.best]
stage = "feedme"
parents = ["chat"]
[nodes.judge]
stage = "reward"
parents = ["chat"]
[nodes.policy]
stage = "ppo"
parents = ["chat", "judge"]
[nodes.grouped]
stage = "grpo"
parents = ["chat"]
[nodes.direct]
stage = "dpo"
parents = ["chat"]
[moderation]
improper_files = "chats"
harmless_files = "others"
[nodes.filter]
stage = "moderation"
parents = ["chat"]
[nodes.chosen]
stage = "best_of_n"
parents = ["chat"]
)";

Recipe recipe(const std::vector<std::string>& sets = {}, const std::string& more = {}) {
  return parse_recipe(std::string(kAll) + more, "r.toml", sets);
}

// An Error's message, " | " and its help; "" when there is none.
std::string said(const std::vector<std::string>& sets, const std::string& more = {}) {
  try {
    recipe(sets, more);
  } catch (const Error& e) {
    return std::string(e.what()) + " | " + e.hint();
  }
  return "";
}

std::string note(const std::string& more, const std::vector<std::string>& sets = {}) {
  std::string all;
  for (const std::string& line : recipe(sets, more).notes) all += line + "\n";
  return all;
}

// The key with names of kAll in the place of NAME.
std::string named(std::string key) {
  const auto put = [&](const std::string& table, const std::string& name) {
    if (key.starts_with(table + ".NAME")) key.replace(table.size() + 1, 4, name);
  };
  put("sources", "words");
  put("conversations", "chats");
  put("preferences", "judged");
  put("corpora", "mica");
  put("demonstrations", "few");
  put("dialogs", "talks");
  put("nodes", "base");
  const auto at = key.find("NAME");
  if (at == std::string::npos) return key;
  const bool text = key.find("pretrain") != std::string::npos;
  return key.replace(at, 4,
                     key.find("weights") != std::string::npos ? "F01"
                     : text                                   ? "words"
                                                              : "few");
}

TEST(Recipe, EveryNumberIsRefusedOrPlanned) {
  ASSERT_EQ(said({}), "");
  int numbers = 0, refused = 0;
  for (const ConfigKey& key : recipe_keys()) {
    if (!key.number || key.path.starts_with("nodes.")) continue;  // which are those of the stages
    ++numbers;
    const std::string name = named(key.path);
    for (const char* value : {"inf", "nan", "0", "-1", "1e308", "9223372036854775807", "1e15"}) {
      const std::string set = name + "=" + value;
      const bool finite = std::string(value).find_first_of("ina") == std::string::npos;
      try {
        const Recipe r = recipe({"sft.mixture={few=1}", set});
        EXPECT_TRUE(finite) << set << " was read";
        for (const RecipeNode& node : r.nodes) {
          RecipeNode n = node;
          if (n.model.vocab == 0) n.model.vocab = r.tokenizer.vocab;
          const StagePlan plan = stage_for(n.stage, n.place).plan(n, r, 1);
          for (const int64_t count :
               {plan.tokens, plan.steps, plan.parameters, plan.memory_bytes, plan.disk_bytes})
            EXPECT_GE(count, 0) << set;
          EXPECT_TRUE(std::isfinite(plan.flops) && plan.flops >= 0) << set;
        }
      } catch (const Error& e) {
        ++refused;
        const std::string what = e.what();
        EXPECT_TRUE(what.starts_with("--set " + set + ": ") || what.starts_with("r.toml"))
            << set << ": " << what;
        // The help or the message has the key, or the last part of it.
        const std::string last = name.substr(name.rfind('.') + 1);
        EXPECT_NE((e.what() + e.hint()).find(last), std::string::npos) << set << ": " << e.what();
      }
    }
  }
  EXPECT_GT(numbers, 120);
  EXPECT_GT(refused, 3 * numbers);  // at least inf, nan, 1e308 and, of most, -1
}

TEST(Recipe, RefusalsNameKeyValueAndRange) {
  EXPECT_EQ(said({"pretrain.optimizer.weight_decay=inf"}),
            "--set pretrain.optimizer.weight_decay=inf: pretrain.optimizer.weight_decay is inf; "
            "wanted a finite number from 0 to 1000000 | ");
  EXPECT_EQ(said({"model.init_std=-1"}),
            "--set model.init_std=-1: model.init_std is -1; wanted a number above 0, at most 1000 "
            "| ");
  EXPECT_NE(said({"model.rotary_theta=0"}).find("model.rotary_theta is 0; wanted"),
            std::string::npos);
  EXPECT_NE(said({"run.checkpoint_every=-1"}).find("run.checkpoint_every is -1; wanted"),
            std::string::npos);
  EXPECT_NE(said({"pretrain.mixture.words=0"}).find("pretrain.mixture.words is 0; wanted"),
            std::string::npos);
  EXPECT_EQ(said({"tokenizer.vocab=100"}),
            "--set tokenizer.vocab=100: tokenizer.vocab is 100; wanted at least 261: 256 bytes and "
            "5 special tokens | 4096 does for a small text");
}

TEST(Recipe, AnUnknownKeyIsToldWhereItBelongs) {
  const auto meant = [](const std::string& set) {
    const std::string error = said({set});
    const size_t at = error.find("did you mean ");
    return at == std::string::npos ? error : error.substr(at + 13);
  };
  EXPECT_EQ(said({"pretrain.lr=1"}),
            "--set pretrain.lr=1: unknown key pretrain.lr; did you mean pretrain.optimizer.lr? | ");
  EXPECT_EQ(meant("nodes.base.pretrain.lr=1"), "nodes.base.pretrain.optimizer.lr? | ");
  EXPECT_EQ(meant("nodes.base.context=1"), "nodes.base.model.context? | ");
  EXPECT_EQ(meant("pretrain.final=1"), "pretrain.schedule.final? | ");
  EXPECT_EQ(meant("pretrain.kind=1"), "pretrain.optimizer.kind or pretrain.schedule.kind? | ");
  EXPECT_EQ(meant("layers=1"), "model.layers? | ");
  EXPECT_EQ(meant("optimizer.lr=1"),
            "pretrain.optimizer or sft.optimizer or feedme.optimizer or reward.optimizer? | ");
  EXPECT_EQ(meant("sources.words.path=x"), "sources.words.paths? | ");
  EXPECT_EQ(meant("sources.words.path=x"), "sources.words.paths? | ");
  EXPECT_EQ(meant("nodes.base.parent=x"), "nodes.base.parents? | ");
  EXPECT_EQ(meant("modle.layers=1"), "model? | ");
  EXPECT_EQ(meant("pretrain.batchtokens=1"), "pretrain.batch_tokens? | ");
  // As other programs call it.
  EXPECT_EQ(meant("model.d_model=1"), "model.width? | ");
  EXPECT_EQ(meant("model.n_layer=1"), "model.layers? | ");
  EXPECT_EQ(meant("hidden_size=1"), "model.width? | ");
  EXPECT_EQ(meant("pretrain.learning_rate=1"), "pretrain.optimizer.lr? | ");
  EXPECT_EQ(meant("nodes.base.pretrain.learning_rate=1"), "nodes.base.pretrain.optimizer.lr? | ");
  EXPECT_EQ(meant("pretrain.batch_size=1"),
            "pretrain.batch_tokens? | in tokens: sequences x model.context; what memory does not "
            "hold at once is accumulated");
  EXPECT_EQ(meant("pretrain.epochs=1"),
            "pretrain.tokens? | in tokens: passes x tokens of the sources; sft and feedme have "
            "epochs");
  EXPECT_EQ(meant("sft.num_train_epochs=1"),
            "sft.epochs? | pretrain counts tokens: passes x tokens of the sources");
  EXPECT_EQ(meant("Seq-Len=1"), "model.context? | ");
  EXPECT_EQ(said({"model.dropout=0.1"}),
            "--set model.dropout=0.1: unknown key model.dropout; wanted one of Lineage's | there "
            "is no dropout: models are trained on fresh text for about one pass");
  EXPECT_NE(said({"model.qqq=1"}).find("wanted one of layers, width, heads"), std::string::npos);
  EXPECT_NE(said({"qqq=1"}).find("wanted one of name, seed, extends"), std::string::npos);
  EXPECT_NE(said({"nodes.stage=pretrain"}).find("each node has a name of its own"),
            std::string::npos);
}

TEST(Recipe, ARenamedKeyIsNamed) {
  EXPECT_EQ(said({"model.hidden=8"}),
            "--set model.hidden=8: model.hidden is renamed to mlp_width | write mlp_width in its "
            "place");
  EXPECT_NE(said({"nodes.base.model.previous_token=true"})
                .find("nodes.base.model.previous_token is renamed to token_shift"),
            std::string::npos);
  EXPECT_NE(said({"feedme.least_rating=3"}).find("feedme.least_rating is renamed to min_rating"),
            std::string::npos);
  EXPECT_EQ(said({"hidden=8"}).find("renamed"), std::string::npos) << "of another table";
}

TEST(Recipe, EveryForeignNameHasAPlace) {
  // A target that no key has would be an empty "did you mean ?".
  for (const char* key : {"n_embd",
                          "num_heads",
                          "num_key_value_heads",
                          "head_dim",
                          "d_ff",
                          "block_size",
                          "vocab_size",
                          "rope_theta",
                          "rms_norm_eps",
                          "hidden_act",
                          "tie_word_embeddings",
                          "initializer_range",
                          "sliding_window",
                          "min_lr",
                          "betas",
                          "max_grad_norm",
                          "lr_scheduler",
                          "warmup_steps",
                          "lr_decay_iters",
                          "micro_batch_size",
                          "max_steps",
                          "eval_interval",
                          "eval_iters",
                          "save_steps",
                          "random_seed",
                          "dataset",
                          "data_path",
                          "files",
                          "text_column",
                          "val_split",
                          "train",
                          "finetune",
                          "stages",
                          "eval"}) {
    const std::string error = said({std::string(key) + "=1"});
    EXPECT_NE(error.find("did you mean "), std::string::npos) << error;
    EXPECT_EQ(error.find("did you mean ?"), std::string::npos) << error;
  }
}

TEST(Recipe, ValuesOfAnotherTypeAreToldHowTheyAreWritten) {
  EXPECT_EQ(said({"pretrain.optimizer=muon"}),
            "--set pretrain.optimizer=muon: pretrain.optimizer is \"muon\"; wanted a table | "
            "pretrain.optimizer.kind = \"muon\"");
  EXPECT_EQ(said({"pretrain.optimizer.kind=adam"}),
            "--set pretrain.optimizer.kind=adam: pretrain.optimizer.kind is \"adam\"; wanted one "
            "of adamw, muon | did you mean \"adamw\"?");
  EXPECT_NE(said({"sources=text"}).find("sources is \"text\"; wanted a table"), std::string::npos);
  EXPECT_NE(said({"nodes.base.stage=pretraining"}).find("did you mean \"pretrain\"?"),
            std::string::npos);
  const std::string file = std::string(LINEAGE_SOURCE_DIR) + "/LICENSE";
  const Recipe r =
      recipe({"pretrain.tokens=1k", "sources.words.paths=" + file, "nodes.chat.parents=base"});
  EXPECT_EQ(r.sources.at("words").paths, (std::vector<std::string>{file}));
  EXPECT_EQ(r.node("chat").parents, (std::vector<std::string>{"base"}));
  EXPECT_EQ(stage_for("pretrain", "").plan(r.node("base"), r, 1).tokens, 1000 / 16 * 16);
  EXPECT_EQ(said({}, "preset = 3\n").find("r.toml"), 0u);
  EXPECT_EQ(said({"preset=rwkv"}),
            "--set preset=rwkv: preset is \"rwkv\"; wanted one of gpt3, modern, llama, qwen3 | a "
            "preset is a "
            "part of Lineage; a recipe of your own is extended: extends = \"mine.toml\"");
}

TEST(Recipe, PreferencesAreSetsOfData) {
  const std::string set = "[preferences.liked]\npaths = [\"none.jsonl\"]\nweight = 2\n";
  EXPECT_EQ(recipe({}, set).preferences.at("liked").weight, 2);
  EXPECT_NE(note(set).find("preferences.liked has no effect: no node reads it"), std::string::npos);
  EXPECT_EQ(note({}).find("preferences.judged has no effect"), std::string::npos);
  EXPECT_EQ(said({}, "[preferences.chats]\npaths = [\"x\"]\n"),
            "r.toml: chats names two sets of data; wanted another name for one | ");
  EXPECT_NE(said({"preferences.judged.too_long=shorten"}).find("wanted one of cut_front, cut_end"),
            std::string::npos);
  EXPECT_NE(said({"preferences.judged.heldout=1"}).find("preferences.judged.heldout is 1; wanted"),
            std::string::npos);
}

TEST(Recipe, TheVocabularyIsTheTokenizersUnlessSaid) {
  EXPECT_EQ(recipe().node("base").model.vocab, 0);
  EXPECT_EQ(recipe({"model.vocab=512"}).node("base").model.vocab, 512);
}

class RecipeFiles : public ::testing::Test {
 protected:
  void write(const fs::path& file, const std::string& text) const { folder.write(file, text); }
  Recipe load(const fs::path& file, const std::vector<std::string>& sets = {}) const {
    return load_recipe(folder / file, sets, "/home/ada");
  }
  std::string error(const std::string& path) const {
    try {
      load("a.toml", {"sources.words.paths=" + path});
    } catch (const Error& e) {
      return std::string(e.what()) + " | " + e.hint();
    }
    return "";
  }
  testing::TempFolder folder;
};

constexpr std::string_view kBase = R"([tokenizer]
path = "tok.json"
[sources.words]
paths = ["text", "/abs/olute", "~/books", "../up/**/*.txt"]
[conversations.chats]
paths = "chats.jsonl"
[preferences.judged]
paths = "judged.jsonl"
[pretrain]
tokens = 1024
[nodes.base]
stage = "pretrain"
)";

TEST_F(RecipeFiles, PathsStartAtTheFileThatSaysThem) {
  write("a.toml", std::string(kBase));
  write("b/b.toml", "extends = \"../a.toml\"\n[sources.more]\npaths = [\"own\"]\n");
  const std::string f = folder.string();
  const Recipe a = load("a.toml");
  EXPECT_EQ(a.sources.at("words").paths,
            (std::vector<std::string>{f + "/text", "/abs/olute", "/home/ada/books",
                                      (folder.path().parent_path() / "up/**/*.txt").string()}));
  EXPECT_EQ(a.tokenizer.path, f + "/tok.json");
  EXPECT_EQ(a.conversations.at("chats").paths, (std::vector<std::string>{f + "/chats.jsonl"}));
  EXPECT_EQ(a.preferences.at("judged").paths, (std::vector<std::string>{f + "/judged.jsonl"}));
  const Recipe b = load("b/b.toml", {"conversations.chats.paths=here.jsonl"});
  EXPECT_EQ(b.sources.at("more").paths, (std::vector<std::string>{f + "/b/own"}));
  EXPECT_EQ(b.sources.at("words").paths[0], f + "/text");
  EXPECT_EQ(b.tokenizer.path, f + "/tok.json");
  EXPECT_EQ(b.conversations.at("chats").paths, (std::vector<std::string>{"here.jsonl"}));
  write("c.toml", "[nodes.x]\nstage = \"pretrain\"\n");
  EXPECT_EQ(load("c.toml", {"extends=" + f + "/a.toml"}).tokenizer.path, f + "/tok.json");
}

TEST_F(RecipeFiles, WhatAShellWouldExpandIsReadOrRefused) {
  write("a.toml", std::string(kBase));
  EXPECT_EQ(load("a.toml", {"sources.words.paths=~/x"}).sources.at("words").paths[0],
            "/home/ada/x");
  EXPECT_EQ(error("$HOME/text"),
            "--set sources.words.paths=$HOME/text: the path $HOME/text has a variable of the "
            "shell; wanted a plain path | variables are not read in a recipe; ~ is the home "
            "folder");
  EXPECT_NE(error("/data/${USER}/text").find("a variable of the shell"), std::string::npos);
  EXPECT_NE(error("~bob/text").find("another user's ~"), std::string::npos);
  EXPECT_EQ(error("a$b/c~"), "");
  EXPECT_THROW(load_recipe(folder / "a.toml"), Error) << "no home is known";
}

TEST(Recipe, WhatHasNoEffectIsTold) {
  EXPECT_EQ(note(""), "");
  EXPECT_EQ(recipe({"pretrain.batch_tokens=33"}).notes,
            (std::vector<std::string>{
                "base: batch_tokens is 33; a step takes 32, whole rows of 16 tokens"}));
  EXPECT_EQ(note("", {"nodes.base.pretrain.schedule.warmup_tokens=1000"}),
            "base: schedule.warmup_tokens is 1000 of a run of 64 tokens; the rate never comes to "
            "its peak\n");
  EXPECT_EQ(note("[sources.words.code]\nmax_line = 3\n"),
            "r.toml:81: sources.words.code has no effect: kind is \"text\"\n");
  EXPECT_EQ(note("", {"sources.words.field=x"}),
            "--set sources.words.field=x: sources.words.field has no effect: kind is \"text\"\n");
  EXPECT_NE(note("", {"sources.words.delimiter=x"}).find("it takes split = \"delimiter\""),
            std::string::npos);
  EXPECT_EQ(note("", {"sources.words.delimiter=x", "sources.words.split=delimiter"}), "");
  EXPECT_NE(note("", {"model.rotary_theta=500"}).find("it takes positions = \"rotary\""),
            std::string::npos);
  EXPECT_NE(note("", {"pretrain.optimizer.muon_lr=1"}).find("it takes optimizer.kind = \"muon\""),
            std::string::npos);
  EXPECT_EQ(note("", {"pretrain.optimizer.muon_lr=1", "pretrain.optimizer.kind=muon"}), "");
  EXPECT_EQ(note("", {"preset=modern"}), "") << "what a preset says is no mistake";
  EXPECT_NE(note("", {"sft.epochs=3"}).find("tokens says how long the stage is"),
            std::string::npos);
  EXPECT_NE(note("", {"sft.pretrain_mixture={words=1}"}).find("pretrain_share is 0"),
            std::string::npos);
  EXPECT_NE(note("", {"pretrain.mixture={words=1}"}).find("corpora.mica has no effect: no node"),
            std::string::npos);
  EXPECT_NE(note("", {"evaluation.n=10"}).find("evaluation has no effect"), std::string::npos);
  EXPECT_EQ(note("", {"evaluation.n=10", "evaluation.files=[\"q.jsonl\"]"}), "");
  EXPECT_NE(note("", {"evaluation.abilities=[\"A01\"]", "evaluation.files=[\"q.jsonl\"]"})
                .find("evaluation.abilities has no effect: it takes tokenizer.kind"),
            std::string::npos);
  EXPECT_NE(note("[sources.words2]\npaths = [\"/dev/null\"]\n", {"tokenizer.path=x"})
                .find("tokenizer.vocab has no effect: tokenizer.path names a trained tokenizer"),
            std::string::npos);
  // A key of a shared table has an effect when one of the nodes uses it.
  EXPECT_EQ(note("[nodes.other]\nstage = \"pretrain\"\n[nodes.other.pretrain.optimizer]\n"
                 "kind = \"muon\"\n",
                 {"pretrain.optimizer.muon_lr=1"}),
            "");
}

}  // namespace
}  // namespace lineage
