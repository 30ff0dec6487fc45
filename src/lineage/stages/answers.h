#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/base/rng.h"
#include "lineage/infer/language_model.h"
#include "lineage/stages/stage.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/item_split.h"

namespace lineage {

// A model's sampled answers to instructions of the micro-world, for FeedME to rate, reward models
// to compare and PPO to train on.
struct AnswersConfig {
  int64_t prompts = 2000, samples = 8;
  double temperature = 1;
  int64_t max_tokens = 48;
};

template <class V>
void fields(V& v, AnswersConfig& c) {
  v("prompts", c.prompts, "new prompts of the demonstrations' types to be answered",
    between(1, kFirstProbe - kFirstAnswered));
  v("samples", c.samples, "answers drawn for each", between(1, 1e6));
  v("temperature", c.temperature, "at which they are drawn", between(0, 1000));
  v("max_tokens", c.max_tokens, "of an answer; one that does not end by then is rated as it is",
    between(1, 1 << 24));
}

// Prompts of the types of these sets of demonstrations, alternating, from indices that no
// demonstration has (world/item_split.h). A pure function of the index.
class InstructionPrompts {
 public:
  InstructionPrompts(const Recipe&, const std::map<std::string, double>& sets);
  Demonstration operator()(int64_t index) const;

 private:
  World world_;
  Instructions instructions_;
  std::vector<InstructionMixture> mixtures_;
};

// The conversation before the answer to the prompt of this index, up to the assistant's turn.
using PromptContext = std::function<Tokens(int64_t index)>;

// Answers to prompts [first, first + count), config.samples each: prompt by prompt, with the
// log-probability of each token. They depend on `key`, the prompt's index and the model alone.
std::vector<Completion> sample_answers(LanguageModel&, const PromptContext&, int64_t first,
                                       int64_t count, const AnswersConfig&, const Rng& key);

// An answer without the token that ends its turn; `ended`: it had that token.
struct SampledAnswer {
  Tokens tokens;
  bool ended = true;
};

// Samples answers to all prompts into a file, one JSON line for each prompt, resuming an
// interrupted run: whole lines are kept. `writer` is called if any are missing. Throws Interrupted.
void draw_answers(const AnswersConfig&, const PromptContext&, const Rng& key,
                  const std::function<std::unique_ptr<LanguageModel>()>& writer,
                  const std::filesystem::path& file, const RecipeNode&, const StageContext&);

// The answers to each prompt.
std::vector<std::vector<SampledAnswer>> read_answers(const std::filesystem::path&);

}  // namespace lineage
