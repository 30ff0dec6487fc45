#include <algorithm>
#include <cmath>
#include <numeric>

#include "lineage/base/error.h"
#include "lineage/infer/engine.h"
#include "lineage/infer/ids.h"
#include "lineage/ops/ops.h"

namespace lineage {
namespace {

constexpr int64_t kScoreRows = 4096;  // tokens of one forward pass

class GptLanguageModel final : public LanguageModel {
 public:
  GptLanguageModel(const Gpt& gpt, const Tokenizer& tokenizer, Engine::Limits limits)
      : gpt_(gpt), tokenizer_(tokenizer), limits_(limits) {}

  const Tokenizer& tokenizer() const override { return tokenizer_; }
  int64_t context() const override {
    return limits_.context ? limits_.context : gpt_.config.context;
  }
  std::vector<Scored> score(std::span<const ScoreRequest>) override;
  std::vector<std::vector<float>> score_next(std::span<const NextRequest>) override;
  std::vector<Completion> generate(std::span<const std::vector<Token>>, std::span<const Sampling>,
                                   const OnText&) override;
  std::vector<Answer> answer(std::span<const ScoreRequest>, std::span<const Sampling>) override;

 private:
  template <class Request>
  std::vector<Answer> run(size_t count, const Request& request, std::span<const Sampling>,
                          const OnText&);
  void score_batch(std::span<const ScoreRequest>, std::span<const size_t> which,
                   std::vector<Scored>&);
  std::vector<Token> tokens_of(const ScoreRequest&) const;
  void score_next_batch(std::span<const NextRequest>, std::span<const size_t> which,
                        std::vector<std::vector<float>>&);

  const PackedGpt gpt_;
  const Tokenizer& tokenizer_;
  Engine::Limits limits_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

std::vector<Token> context_of_beginning(const Tokenizer& tokenizer) {
  std::vector<Token> tokens = tokenizer.before_text();
  if (tokens.empty()) tokens.push_back(tokenizer.special(Special::end_of_text));
  return tokens;
}

namespace {

std::vector<Token> GptLanguageModel::tokens_of(const ScoreRequest& request) const {
  std::vector<Token> tokens = request.context;
  if (tokens.empty()) tokens = context_of_beginning(tokenizer_);
  tokens.insert(tokens.end(), request.continuation.begin(), request.continuation.end());
  return tokens;
}

// Batches of about kScoreRows tokens, by length: little padding.
template <class Length, class Run>
void in_batches(size_t n, const Length& length, const Run& run) {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, length);
  for (size_t begin = 0; begin < n;) {
    size_t end = begin + 1;
    while (end < n && static_cast<int64_t>(end + 1 - begin) * length(order[end]) <= kScoreRows)
      ++end;
    run(std::span(order).subspan(begin, end - begin));
    begin = end;
  }
}

std::vector<Scored> GptLanguageModel::score(std::span<const ScoreRequest> requests) {
  const auto length = [&](size_t i) {
    return static_cast<int64_t>(std::max<size_t>(1, requests[i].context.size()) +
                                requests[i].continuation.size());
  };
  std::vector<Scored> results(requests.size());
  in_batches(requests.size(), length,
             [&](std::span<const size_t> which) { score_batch(requests, which, results); });
  return results;
}

std::vector<std::vector<float>> GptLanguageModel::score_next(
    std::span<const NextRequest> requests) {
  const auto length = [&](size_t i) { return static_cast<int64_t>(requests[i].context.size()); };
  std::vector<std::vector<float>> results(requests.size());
  in_batches(requests.size(), length,
             [&](std::span<const size_t> which) { score_next_batch(requests, which, results); });
  return results;
}

void GptLanguageModel::score_next_batch(std::span<const NextRequest> requests,
                                        std::span<const size_t> which,
                                        std::vector<std::vector<float>>& results) {
  const int64_t B = static_cast<int64_t>(which.size());
  const int64_t T = static_cast<int64_t>(requests[which.back()].context.size());  // the longest
  require(T >= 1 && T <= gpt_.config.context, "score_next: a context has ", T,
          " tokens; the model takes 1 to ", gpt_.config.context);
  Tensor tokens = Tensor::zeros({B, T}, DType::i32);
  for (int64_t b = 0; b < B; ++b)
    std::ranges::copy(requests[which[b]].context, tokens.data<int32_t>().begin() + b * T);
  std::vector<int32_t> last;
  for (int64_t b = 0; b < B; ++b) {
    const auto used = static_cast<int64_t>(requests[which[b]].context.size());
    require(used >= 1, "score_next: an empty context; wanted at least one token");
    last.push_back(static_cast<int32_t>(b * T + used - 1));
  }
  const Tensor logits = gpt_.logits(gpt_.hidden(tokens, {}, {}, ids(last)));  // (B,V)
  const int64_t V = logits.dim(1);
  for (int64_t b = 0; b < B; ++b) {
    const auto row =
        logits.data<float>().subspan(static_cast<size_t>(b * V), static_cast<size_t>(V));
    const float greatest = *std::ranges::max_element(row);
    double sum = 0;
    for (float x : row) sum += std::exp(static_cast<double>(x - greatest));
    const double log_sum = greatest + std::log(sum);
    const size_t i = which[b];
    for (Token t : requests[i].candidates) {
      require(t >= 0 && t < V, "score_next: candidate ", t, "; the model has ", V, " tokens");
      results[i].push_back(static_cast<float>(row[t] - log_sum));
    }
    check_log_probs(results[i]);
  }
}

void GptLanguageModel::score_batch(std::span<const ScoreRequest> requests,
                                   std::span<const size_t> which, std::vector<Scored>& results) {
  std::vector<std::vector<Token>> rows;
  size_t longest = 0;
  for (size_t i : which) {
    rows.push_back(tokens_of(requests[i]));
    longest = std::max(longest, rows.back().size());
  }
  if (static_cast<int64_t>(longest) > gpt_.config.context + 1)
    throw Error("score: context and continuation have " + std::to_string(longest) +
                    " tokens; the model takes " + std::to_string(gpt_.config.context + 1),
                "shorten the context");
  // The last token is predicted, never read.
  const int64_t B = static_cast<int64_t>(rows.size()), T = static_cast<int64_t>(longest) - 1;
  if (T == 0) return;
  Tensor tokens = Tensor::zeros({B, T}, DType::i32);
  std::vector<int32_t> asked;  // rows of the batch that predict a continuation's token
  std::vector<int32_t> targets;
  for (int64_t b = 0; b < B; ++b) {
    const auto& row = rows[b];
    std::copy(row.begin(), row.end() - 1, tokens.data<int32_t>().begin() + b * T);
    const size_t n = requests[which[b]].continuation.size();
    for (size_t i = row.size() - 1 - n; i + 1 < row.size(); ++i) {
      asked.push_back(static_cast<int32_t>(b * T + static_cast<int64_t>(i)));
      targets.push_back(row[i + 1]);
    }
  }
  if (asked.empty()) return;
  const Tensor log_probs =
      ops::linear_log_probs(gpt_.hidden(tokens, {}, {}, ids(asked)), gpt_.head(), ids(targets))
          .log_probs;
  check_log_probs(log_probs.data<float>());
  auto next = log_probs.data<float>().begin();
  for (size_t i : which) {
    const auto n = static_cast<int64_t>(requests[i].continuation.size());
    results[i].log_probs.assign(next, next + n);
    results[i].log_prob =
        std::accumulate(results[i].log_probs.begin(), results[i].log_probs.end(), 0.0);
    next += n;
  }
}

// request(i): the i-th prompt with its reference, empty for none.
template <class Request>
std::vector<LanguageModel::Answer> GptLanguageModel::run(size_t count, const Request& request,
                                                         std::span<const Sampling> samplings,
                                                         const OnText& on_text) {
  require(samplings.size() == 1 || samplings.size() == count, "generate: ", count, " prompts with ",
          samplings.size(), " samplings; wanted 1, or one each");
  if (!engine_ || engine_->active() > 0)  // new, or left in the middle by an Error
    engine_ = std::make_unique<Engine>(gpt_, tokenizer_, limits_);
  std::vector<Answer> results(count);
  std::vector<size_t> prompt_in(static_cast<size_t>(engine_->active()));  // by slot
  size_t next = 0, running = 0;
  while (next < count || running > 0) {
    for (; next < count && !engine_->full(); ++next, ++running) {
      ScoreRequest r = request(next);
      const auto slot = static_cast<size_t>(
          engine_->admit(std::move(r.context), samplings[samplings.size() == 1 ? 0 : next],
                         std::move(r.continuation)));
      if (prompt_in.size() <= slot) prompt_in.resize(slot + 1);
      prompt_in[slot] = next;
    }
    for (Engine::Event& event : engine_->step()) {
      const size_t prompt = prompt_in[event.slot];
      Completion& c = results[prompt].completion;
      if (!event.reference.empty()) {
        Scored& reference = results[prompt].reference;
        reference.log_probs = std::move(event.reference);
        reference.log_prob =
            std::accumulate(reference.log_probs.begin(), reference.log_probs.end(), 0.0);
      }
      if (event.draw) {
        c.tokens.push_back(event.draw->token);
        c.log_probs.push_back(event.draw->log_prob);
        if (!event.draw->top.empty()) c.top.push_back(std::move(event.draw->top));
      }
      c.text += event.text;
      if (!event.text.empty() && on_text && !on_text(prompt, event.text) && !event.end)
        event.end = Completion::End::cancelled;
      if (!event.end) continue;
      c.end = *event.end;
      engine_->release(event.slot);
      --running;
    }
  }
  return results;
}

std::vector<Completion> GptLanguageModel::generate(std::span<const std::vector<Token>> prompts,
                                                   std::span<const Sampling> samplings,
                                                   const OnText& on_text) {
  std::vector<Completion> completions;
  for (Answer& a : run(
           prompts.size(),
           [&](size_t i) {
             return ScoreRequest{prompts[i], {}};
           },
           samplings, on_text))
    completions.push_back(std::move(a.completion));
  return completions;
}

std::vector<LanguageModel::Answer> GptLanguageModel::answer(std::span<const ScoreRequest> requests,
                                                            std::span<const Sampling> samplings) {
  return run(requests.size(), [&](size_t i) { return requests[i]; }, samplings, {});
}

}  // namespace

std::vector<std::vector<float>> LanguageModel::score_next(std::span<const NextRequest> requests) {
  std::vector<ScoreRequest> each;
  for (const NextRequest& r : requests)
    for (Token t : r.candidates) each.push_back({r.context, {t}});
  const auto scored = score(each);
  auto at = scored.begin();
  std::vector<std::vector<float>> results(requests.size());
  for (size_t i = 0; i < requests.size(); ++i)
    for (size_t c = 0; c < requests[i].candidates.size(); ++c)
      results[i].push_back(static_cast<float>(at++->log_prob));
  return results;
}

std::vector<LanguageModel::Answer> LanguageModel::answer(std::span<const ScoreRequest> requests,
                                                         std::span<const Sampling> samplings) {
  std::vector<std::vector<Token>> contexts;
  std::vector<ScoreRequest> references;
  for (const ScoreRequest& r : requests) {
    contexts.push_back(r.context);
    if (!r.continuation.empty()) references.push_back(r);
  }
  auto completions = generate(contexts, samplings);
  auto scored = score(references);
  auto reference = scored.begin();
  std::vector<Answer> answers;
  for (size_t i = 0; i < requests.size(); ++i) {
    Answer& a = answers.emplace_back();
    a.completion = std::move(completions[i]);
    if (!requests[i].continuation.empty()) a.reference = std::move(*reference++);
  }
  return answers;
}

std::unique_ptr<LanguageModel> language_model(const Gpt& gpt, const Tokenizer& tokenizer,
                                              Engine::Limits limits) {
  return std::make_unique<GptLanguageModel>(gpt, tokenizer, limits);
}

}  // namespace lineage
