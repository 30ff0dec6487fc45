#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "lineage/base/error.h"
#include "lineage/checkpoint/model.h"
#include "lineage/cli/commands.h"
#include "lineage/infer/engine.h"

namespace lineage::cli {
namespace {

struct CompleteOptions {
  std::string model, prompt;
  Sampling sampling;
  int64_t count = 1;
  int threads = 0;
  bool stats = false;
};

std::vector<Token> prompt_tokens(const CompleteOptions& o, const Tokenizer& tokenizer) {
  std::string text = o.prompt;
  if (text == "-") text.assign(std::istreambuf_iterator<char>(std::cin), {});
  std::vector<Token> tokens = tokenizer.encode(text);
  if (tokenizer.begin_of_text())
    tokens.insert(tokens.begin(), *tokenizer.begin_of_text());
  else if (tokens.empty())
    tokens.push_back(tokenizer.special(Special::end_of_text));
  return tokens;
}

void complete(const CompleteOptions& o) {
  set_threads(o.threads);
  Model model = load_model(o.model);
  if (!model.tokenizer)
    throw Error(o.model + ": has no tokenizer; wanted one to read the prompt with",
                "import the model again from a folder that holds its tokenizer's files");
  const auto prompt = prompt_tokens(o, *model.tokenizer);
  Engine::Limits limits;
  limits.slots = o.count;
  const auto lm = language_model(*model.gpt, *model.tokenizer, limits);
  std::vector<Sampling> samplings(static_cast<size_t>(o.count), o.sampling);
  for (size_t i = 0; i < samplings.size(); ++i) {
    samplings[i].seed += i;
    if (const auto eot = model.tokenizer->find_special(Special::end_of_text))
      samplings[i].stop_tokens = {*eot};
  }
  const bool stream = o.count == 1;
  const auto start = std::chrono::steady_clock::now();
  if (stream) fmt::print("{}", o.prompt == "-" ? "" : o.prompt);
  const std::vector<std::vector<Token>> prompts(static_cast<size_t>(o.count), prompt);
  const auto completions = lm->generate(prompts, samplings, [&](size_t, std::string_view text) {
    if (stream) fmt::print("{}", text), std::fflush(stdout);
    return !interrupted();
  });
  int64_t tokens = 0;
  for (const Completion& c : completions) {
    tokens += static_cast<int64_t>(c.tokens.size());
    if (!stream) fmt::print("--- {}\n{}{}\n", &c - completions.data() + 1, o.prompt, c.text);
  }
  if (stream) fmt::print("\n");
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (o.stats)
    fmt::print(stderr, "{} tokens in {:.2f} s: {:.0f} tokens/s\n", tokens, took,
               static_cast<double>(tokens) / took);
}

}  // namespace

void add_complete(CLI::App& app) {
  auto o = std::make_shared<CompleteOptions>();
  CLI::App* c = app.add_subcommand("complete", "Continue a prompt, streaming the text");
  c->add_option("MODEL", o->model, "a checkpoint's folder")->required();
  c->add_option("-p,--prompt", o->prompt, "the text to continue; - reads standard input");
  c->add_option("-n,--max-tokens", o->sampling.max_tokens, "tokens to add")->capture_default_str();
  c->add_option("-t,--temperature", o->sampling.temperature, "0: the most likely token each time")
      ->capture_default_str();
  c->add_option("--top-k", o->sampling.top_k, "keep the k most likely tokens; 0: all")
      ->capture_default_str();
  c->add_option("--top-p", o->sampling.top_p, "keep the likeliest tokens of this probability")
      ->capture_default_str();
  c->add_option("--stop", o->sampling.stop, "a text that ends the completion; may be repeated");
  c->add_option("--seed", o->sampling.seed, "of the draws")->capture_default_str();
  c->add_option("--count", o->count, "completions, with seeds from --seed on")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  c->add_option("--threads", o->threads, "compute threads; 0: all cores");
  c->add_flag("--stats", o->stats, "tell tokens and tokens/s on standard error");
  c->callback([o] { catch_interrupts(), complete(*o); });
}

}  // namespace lineage::cli
