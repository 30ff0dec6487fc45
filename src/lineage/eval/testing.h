#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/eval/database.h"
#include "lineage/infer/engine.h"
#include "lineage/text/bpe_train.h"
#include "lineage/text/word_tokenizer.h"

namespace lineage {

// The rows of a query as texts.
inline std::vector<std::vector<std::string>> table(const Database& database, const std::string& sql,
                                                   const std::vector<std::string>& values = {}) {
  std::vector<std::vector<std::string>> rows;
  for (const DatabaseRow& row : database.query(sql, values)) rows.push_back(row.texts());
  return rows;
}

}  // namespace lineage

namespace lineage::testing {

// Answers as the test scripts it, in the words of a small vocabulary, and counts the requests.
class ScriptedModel final : public LanguageModel {
 public:
  explicit ScriptedModel(std::vector<std::string> words, bool chat = true)
      : tokenizer_(std::make_shared<WordTokenizer>(
            word_model(std::move(words),
                       chat ? std::vector<std::string>{"<eos>", "<sys>", "<user>", "<bot>", "<eot>"}
                            : std::vector<std::string>{"<eos>"}))) {}

  // The log-probability of `next` after a context, both as text.
  std::function<double(const std::string& context, const std::string& next)> log_prob =
      [](const std::string&, const std::string&) { return -1.0; };
  // The reply to a prompt as text; `draw` counts the calls with the same prompt.
  std::function<std::string(const std::string& prompt, int draw)> reply =
      [](const std::string&, int) { return std::string(); };
  int64_t context_length = 64;
  int64_t scored_tokens = 0, generated = 0;
  std::vector<std::string> prompts;  // all prompts it received
  std::vector<uint64_t> seeds;

  const Tokenizer& tokenizer() const override { return *tokenizer_; }
  int64_t context() const override { return context_length; }
  std::vector<Scored> score(std::span<const ScoreRequest> requests) override {
    std::vector<Scored> results;
    for (const ScoreRequest& r : requests) {
      std::vector<Token> context = r.context;
      Scored& s = results.emplace_back();
      for (Token t : r.continuation) {
        const double p = log_prob(tokenizer_->decode(context), tokenizer_->decode({&t, 1}));
        s.log_probs.push_back(static_cast<float>(p));
        s.log_prob += p;
        context.push_back(t);
        ++scored_tokens;
      }
      prompts.push_back(tokenizer_->decode(r.context));
    }
    return results;
  }
  std::vector<Completion> generate(std::span<const std::vector<Token>> contexts,
                                   std::span<const Sampling> samplings, const OnText&) override {
    std::vector<Completion> results;
    std::string last;
    int draw = 0;
    for (size_t i = 0; i < contexts.size(); ++i) {
      const std::string prompt = tokenizer_->decode(contexts[i]);
      draw = prompt == last ? draw + 1 : 0;
      last = prompt;
      prompts.push_back(prompt);
      seeds.push_back(samplings[i].seed);
      Completion& c = results.emplace_back();
      c.text = reply(prompt, draw);
      c.tokens = tokenizer_->encode(c.text);
      c.end = Completion::End::stop;
      ++generated;
    }
    return results;
  }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
};

// A real model with random weights and a byte-level BPE tokenizer: it answers by chance.
class RandomModel {
 public:
  explicit RandomModel(int64_t context = 128, uint64_t seed = 5)
      : tokenizer_(train_bpe({.vocab = 400,
                              .specials = {"<|endoftext|>", "<|system|>", "<|user|>",
                                           "<|assistant|>", "<|endofturn|>"}},
                             std::vector<std::string_view>{kText})),
        gpt_(parameters_.root(), config(context, tokenizer_->vocab())) {
    parameters_.allocate(false);
    parameters_.initialize(seed);
    model_ = language_model(gpt_, *tokenizer_);
  }
  LanguageModel& operator*() { return *model_; }
  LanguageModel* operator->() { return model_.get(); }

 private:
  static constexpr std::string_view kText =
      "The quick brown fox jumps over the lazy dog. A man is sitting on a roof and the woman in "
      "the kitchen says that she would like to have a cup of tea before they go to the market. "
      "the the of of and and to to in in is is that that for for it it with with was was as as";
  static GptConfig config(int64_t context, int64_t vocab) {
    GptConfig c;
    c.layers = 1, c.width = 16, c.heads = 2, c.context = context, c.vocab = vocab;
    return c;
  }
  std::shared_ptr<const Tokenizer> tokenizer_;
  Parameters parameters_;
  Gpt gpt_;
  std::unique_ptr<LanguageModel> model_;
};

}  // namespace lineage::testing
