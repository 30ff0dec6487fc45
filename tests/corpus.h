#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lineage/base/rng.h"

namespace lineage::testing {

// A folder of its own for a test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lineage-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

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

}  // namespace lineage::testing
