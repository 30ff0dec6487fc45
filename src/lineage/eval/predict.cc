#include "lineage/eval/predict.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lineage/base/rng.h"
#include "lineage/eval/answer.h"
#include "lineage/eval/prompt.h"

namespace lineage {
namespace {

Rng item_rng(uint64_t seed, const ScenarioSpec& spec, const Instance& item) {
  return Rng(seed).fold(spec.name).fold(item.id);
}

// Whether one reading of the prompt serves both the answer and the reference's score.
bool reads_once(const Prompt& p) {
  return p.fits && !p.context.empty() && p.choices[0].context == p.context;
}

// The log-probabilities of each prompt's choices, token by token; none if reads_once().
std::vector<std::vector<Scored>> score_choices(LanguageModel& model,
                                               std::span<const Prompt> prompts, bool generates) {
  std::vector<std::vector<Scored>> results(prompts.size());
  std::vector<NextRequest> next;
  std::vector<ScoreRequest> whole;
  const auto one_token_each = [](const Prompt& p) {
    return p.choices.size() > 1 && !p.choices[0].context.empty() &&
           std::ranges::all_of(p.choices, [&](const ScoreRequest& c) {
             return c.continuation.size() == 1 && c.context == p.choices[0].context;
           });
  };
  std::vector<size_t> shared, apart;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const Prompt& p = prompts[i];
    if (!p.fits || (generates && reads_once(p))) continue;
    if (one_token_each(p)) {
      shared.push_back(i);
      NextRequest& request = next.emplace_back(NextRequest{p.choices[0].context, {}});
      for (const ScoreRequest& c : p.choices) request.candidates.push_back(c.continuation[0]);
    } else {
      apart.push_back(i);
      whole.insert(whole.end(), p.choices.begin(), p.choices.end());
    }
  }
  const auto by_token = model.score_next(next);
  for (size_t r = 0; r < shared.size(); ++r)
    for (float log_prob : by_token[r]) results[shared[r]].push_back({log_prob, {log_prob}});
  auto scored = model.score(whole);
  auto at = scored.begin();
  for (size_t i : apart)
    for (size_t c = 0; c < prompts[i].choices.size(); ++c) results[i].push_back(std::move(*at++));
  return results;
}

double normalised(const Scored& s, double bytes, PromptSpec::Normalise by) {
  switch (by) {
    case PromptSpec::Normalise::none:
      return s.log_prob;
    case PromptSpec::Normalise::tokens:
      return s.log_prob / std::max<double>(1, static_cast<double>(s.log_probs.size()));
    case PromptSpec::Normalise::bytes:
      return s.log_prob / std::max(1.0, bytes);
  }
  return s.log_prob;
}

double per_token(const Scored& s) {
  return s.log_prob / std::max<double>(1, static_cast<double>(s.log_probs.size()));
}

void judge_choices(Prediction& p, const Instance& item, const Prompt& prompt,
                   std::span<const Scored> scored, const PromptSpec& prompting,
                   const Tokenizer& tokenizer) {
  for (size_t c = 0; c < scored.size(); ++c) {
    p.scores.push_back(normalised(scored[c], prompt.bytes[c], prompting.normalise));
    p.format += std::exp(scored[c].log_prob);
  }
  p.chosen = static_cast<int>(std::ranges::max_element(p.scores) - p.scores.begin());
  p.log_prob = per_token(scored[item.correct]);
  const auto& chosen = item.contexts.empty() ? item.answers : item.contexts;
  p.output = p.answer = shown(chosen[p.chosen], tokenizer);
}

void judge_reference(Prediction& p, const Scored& reference, size_t chain_tokens) {
  p.log_prob = p.answer_log_prob = per_token(reference);
  const auto& all = reference.log_probs;
  if (chain_tokens == 0 || chain_tokens >= all.size()) return;
  const double sum =
      std::accumulate(all.begin() + static_cast<std::ptrdiff_t>(chain_tokens), all.end(), 0.0);
  p.answer_log_prob = sum / static_cast<double>(all.size() - chain_tokens);
}

DrawnAnswer sample_of(const std::string& output, const PromptSpec& p,
                      const std::string& reference) {
  return {output, extract_answer(output, p, reference), count_steps(output, p)};
}

// All samples of all prompts in one call: the engine keeps its slots full. The first of each scores
// the reference, too, unless that is scored separately.
void generate_answers(LanguageModel& model, std::span<const Instance> items,
                      std::span<const Prompt> prompts, const ScenarioSpec& spec,
                      PromptSpec::Template form, uint64_t seed,
                      std::vector<Prediction>& predictions) {
  const PromptSpec& prompting = spec.prompt;
  const Tokenizer& tokenizer = model.tokenizer();
  std::vector<ScoreRequest> requests;
  std::vector<Sampling> samplings;
  std::vector<size_t> asked;
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (!prompts[i].fits) continue;
    asked.push_back(i);
    for (int s = 0; s < prompting.samples; ++s) {
      ScoreRequest& request = requests.emplace_back(ScoreRequest{prompts[i].context, {}});
      if (request.context.empty()) request.context = context_of_beginning(tokenizer);
      if (s == 0 && reads_once(prompts[i]))
        request.continuation = prompts[i].choices[0].continuation;
      Sampling& sampling = samplings.emplace_back(prompting.sampling);
      if (prompting.length == PromptSpec::Length::reference)
        sampling.max_tokens = std::max<int64_t>(1, std::ssize(prompts[i].choices[0].continuation));
      sampling.seed =
          item_rng(seed, spec, items[i]).fold("sample").fold(static_cast<uint64_t>(s)).key();
      for (Special end : {Special::end_of_text, Special::end_of_turn})
        if (const auto token = tokenizer.find_special(end)) sampling.stop_tokens.push_back(*token);
      const std::string& after = prompting.after_answer;
      if (form == PromptSpec::Template::raw && !after.empty() && after != " ")
        sampling.stop.push_back(after);
    }
  }
  if (asked.empty()) return;
  const auto answers = model.answer(requests, samplings);
  auto next = answers.begin();
  for (size_t i : asked) {
    std::vector<DrawnAnswer> samples;
    const auto first = next;
    const std::string& closing = prompting.raw_closing;
    const bool closed = form == PromptSpec::Template::raw && !closing.empty() &&
                        !closes_with(shown(items[i].answers[0], tokenizer), closing);
    for (int s = 0; s < prompting.samples; ++s, ++next) {
      const std::string& text = next->completion.text;
      samples.push_back(sample_of(closed ? without_closing(text, closing) : text, prompting,
                                  items[i].answers[0].text));
    }
    const size_t winner = vote(samples, prompting);
    Prediction& p = predictions[i];
    if (reads_once(prompts[i])) judge_reference(p, first->reference, prompts[i].chain_tokens);
    p.output = samples[winner].output;
    p.answer = samples[winner].answer;
    const auto end = first[static_cast<int64_t>(winner)].completion.end;
    const bool ended = end == Completion::End::stop;
    p.format = ended && !p.answer.empty();
    if (samples.size() > 1) p.samples = std::move(samples);
  }
}

}  // namespace

FewShotExample demonstration(const Instance& item, PromptSpec::Method method) {
  const bool choices = method == PromptSpec::Method::choose && item.contexts.empty();
  const auto right = choices ? static_cast<size_t>(item.correct) : 0;
  return {item.contexts.empty() ? item.question : item.contexts[item.correct], item.chain,
          item.answers[right]};
}

std::vector<FewShotExample> draw_examples(const Instance& item, std::span<const Instance> pool,
                                          int shots, const ScenarioSpec& spec, uint64_t seed) {
  const Rng rng = item_rng(seed, spec, item).fold("examples");
  std::vector<size_t> order(pool.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<FewShotExample> examples;
  for (size_t i = 0; i < order.size() && i < static_cast<size_t>(shots); ++i) {
    std::swap(order[i], order[i + rng.below(order.size() - i, i)]);  // Fisher and Yates
    const Instance& e = pool[order[i]];
    examples.push_back(demonstration(e, spec.prompt.method));
  }
  return examples;
}

std::vector<Prediction> predict(LanguageModel& model, std::span<const Instance> items,
                                std::span<const Instance> pool, const ScenarioSpec& spec,
                                PromptSpec::Template form, uint64_t seed) {
  const PromptSpec& prompting = spec.prompt;
  std::vector<Prompt> prompts;
  std::vector<Prediction> predictions(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const auto examples = draw_examples(items[i], pool, prompting.shots, spec, seed);
    prompts.push_back(
        render(items[i], examples, prompting, form, model.tokenizer(), model.context()));
    predictions[i].truncated = prompts[i].truncated;
    predictions[i].fits = prompts[i].fits;
  }
  const bool generates = prompting.method == PromptSpec::Method::generate;
  const auto scored = score_choices(model, prompts, generates);
  for (size_t i = 0; i < items.size(); ++i) {
    if (scored[i].empty()) continue;
    if (prompting.method == PromptSpec::Method::choose)
      judge_choices(predictions[i], items[i], prompts[i], scored[i], prompting, model.tokenizer());
    else
      judge_reference(predictions[i], scored[i][0], prompts[i].chain_tokens);
  }
  if (generates) generate_answers(model, items, prompts, spec, form, seed, predictions);
  return predictions;
}

}  // namespace lineage
