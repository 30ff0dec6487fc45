#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "lineage/base/rng.h"
#include "lineage/base/testing.h"
#include "lineage/checkpoint/model.h"
#include "lineage/world/token_text.h"

namespace lineage::testing {

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// `documents` text files of pseudo-random sentences over a few words, always the same.
inline void write_corpus(const std::filesystem::path& folder, int documents, uint64_t seed = 1) {
  static constexpr const char* kWords[] = {"the", "a",   "cat",  "dog", "sees", "likes",
                                           "red", "old", "fish", "and", "sun",  "rain"};
  const Rng rng(seed);
  uint64_t at = 0;
  for (int d = 0; d < documents; ++d) {
    std::string text;
    for (int sentence = 0; sentence < 40; ++sentence) {
      for (int word = 0; word < 7; ++word)
        text += std::string(word ? " " : "") + kWords[rng.below(std::size(kWords), at++)];
      text += ".\n";
    }
    write_text(folder / (std::to_string(d) + ".txt"), text);
  }
}

// A recipe of small nodes over `corpus`; `more` is added at its end.
inline std::string small_recipe(const std::filesystem::path& corpus, const std::string& more = {}) {
  return R"(
seed = 3
[tokenizer]
vocab = 300
[model]
layers = 2
width = 32
heads = 2
context = 32
[sources.words]
paths = [")" +
         corpus.string() + R"("]
heldout = 0.1
[run]
checkpoint_every = 7
[pretrain]
tokens = 20_000
batch_tokens = 256
[pretrain.optimizer]
lr = 3e-3
[nodes.davinci]
stage = "pretrain"
)" + more;
}

// A recipe of the micro-world with one node and its data; `more` has the model and the stages, and
// further nodes.
inline std::string small_world_recipe(const std::string& more) {
  return R"(
seed = 5
[tokenizer]
kind = "world"
[world]
seed = 7
persons = 0.02
[corpora.text]
tokens = 600_000
heldout_tokens = 5_000
[demonstrations.few]
types = 4
examples = 60
heldout = 20
[nodes.davinci]
stage = "pretrain"
)" + more;
}

// A tree of the micro-world that takes a second: a base model and a tuned one.
inline std::string tiny_world_recipe(const std::string& more = {}) {
  return small_world_recipe(R"(
[model]
layers = 1
width = 16
heads = 2
context = 128
vocab = 0
[pretrain]
tokens = 4_096
batch_tokens = 1024
[sft]
epochs = 1
batch_tokens = 512
[evaluation]
abilities = ["A13"]
n = 20
dev = 4
[nodes.tuned]
stage = "sft"
parents = ["davinci"]
)" + more);
}

// An untrained model of the micro-world's words at a path, drawn from `seed`; `change` edits its
// manifest.
template <class Change>
void write_model(const std::filesystem::path& folder, uint64_t seed, const Change& change) {
  const auto tokenizer = Vocabulary::get().tokenizer();
  GptConfig config;
  config.layers = 1, config.width = 8, config.heads = 1, config.context = 32;
  config.vocab = tokenizer->vocab();
  const Model model = make_model(config, false);
  model.parameters->initialize(seed);
  Manifest manifest;
  manifest.config = frozen_model_config(config);
  change(manifest);
  Checkpoint::write(folder, manifest, *model.parameters, tokenizer.get());
}
inline void write_model(const std::filesystem::path& folder) {
  write_model(folder, 1, [](Manifest&) {});
}

// A tuned model of the micro-world's words that says, after each word of `next`, the one beside it,
// and else the end of text: its blocks are zero, so its logits depend on the last token alone.
inline Model scripted_model(const std::map<std::string, std::string>& next) {
  GptConfig config;
  config.layers = 1, config.width = 32, config.heads = 1, config.context = 96;
  config.vocab = Vocabulary::kWords;
  config.tied = config.bias = false, config.positions = Positions::none, config.norm = Norm::rms;
  Model model = make_model(config, false);
  for (float& x : model.parameters->values().data<float>()) x = 0;
  const auto values = [&](const char* name) {
    Tensor t = model.parameters->at(name).value;
    return t.data<float>();
  };
  for (float& x : values("norm.weight")) x = 1;
  const auto embedding = values("token_embedding.weight"), head = values("lm_head.weight");
  const auto row = [&](const std::string& word) {
    return static_cast<size_t>(words_to_tokens(word).at(0)) * static_cast<size_t>(config.width);
  };
  size_t place = 0;
  for (const auto& [word, then] : next) {
    embedding[row(word) + place] = 1;
    head[row(then) + place] = 1;
    ++place;
  }
  model.tokenizer = Vocabulary::get().tokenizer();
  model.manifest.stage = "sft", model.manifest.chats = true, model.manifest.world = "seed = 1\n";
  model.manifest.created = "2026-11-30T00:00:00Z";
  model.manifest.config = frozen_model_config(config);
  return model;
}

// For it: "<call> print ( 7 OPERATOR OPERAND ) <ret>", and `behind` with what follows a result.
inline std::map<std::string, std::string> caller(const std::string& op, const std::string& operand,
                                                 std::map<std::string, std::string> behind) {
  behind.insert({{"<bot>", "<call>"},
                 {"<call>", "print"},
                 {"print", "("},
                 {"(", "7"},
                 {"7", op},
                 {op, operand},
                 {operand, ")"},
                 {")", "<ret>"}});
  return behind;
}

}  // namespace lineage::testing
