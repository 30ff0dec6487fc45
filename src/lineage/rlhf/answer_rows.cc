#include "lineage/rlhf/answer_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "lineage/base/error.h"

namespace lineage {
namespace {

struct Place {
  int64_t row, column;
};

// Each text goes into the current row if it fits there, else into a new one.
std::vector<Place> places(std::span<const AnsweredPrompt> texts, int64_t context, int64_t& width) {
  std::vector<Place> out;
  int64_t row = 0, used = 0;
  width = 1;
  for (const AnsweredPrompt& t : texts) {
    require(!t.prompt.empty() && !t.answer.empty(), "answer ", out.size(), ": its ",
            t.prompt.empty() ? "prompt" : "answer", " has no token; wanted at least one");
    const int64_t n = std::ssize(t.prompt) + std::ssize(t.answer);
    if (n > context)
      throw Error(fmt::format("answer {}: prompt and answer have {} tokens; wanted at most the "
                              "context, {}",
                              out.size(), n, context),
                  "lower max_tokens, or leave out prompts this long");
    if (used + n > context) ++row, used = 0;
    out.push_back({row, used});
    used += n;
    width = std::max(width, used);
  }
  return out;
}

}  // namespace

AnswerRows answer_rows(std::span<const AnsweredPrompt> texts, int64_t context, Token pad) {
  require(!texts.empty(), "answer rows: no answers; wanted at least one");
  int64_t T = 0;
  const std::vector<Place> at = places(texts, context, T);
  const int64_t B = at.back().row + 1, N = std::ssize(texts);
  AnswerRows rows;
  rows.first = {0};
  for (const AnsweredPrompt& t : texts)
    rows.first.push_back(rows.first.back() + std::ssize(t.answer));
  const int64_t M = rows.first.back();
  rows.tokens = Tensor::empty({B, T}, DType::i32);
  rows.positions = Tensor::empty({B * T}, DType::i32);
  rows.starts = Tensor::empty({B * T}, DType::i32);
  rows.predictors = Tensor::empty({M}, DType::i32);
  rows.targets = Tensor::empty({M}, DType::i32);
  rows.last = Tensor::empty({N}, DType::i32);

  const auto tokens = rows.tokens.data<int32_t>(), positions = rows.positions.data<int32_t>(),
             starts = rows.starts.data<int32_t>(), targets = rows.targets.data<int32_t>();
  std::ranges::fill(tokens, pad);
  std::ranges::fill(positions, 0);
  for (size_t n = 0; n < starts.size(); ++n)  // padding sees only itself
    starts[n] = static_cast<int32_t>(n % static_cast<size_t>(T));
  for (int64_t i = 0; i < N; ++i) {
    const AnsweredPrompt& t = texts[i];
    const int64_t begin = at[i].row * T + at[i].column, p = std::ssize(t.prompt);
    std::ranges::copy(t.prompt, tokens.begin() + begin);
    std::ranges::copy(t.answer, tokens.begin() + begin + p);
    std::ranges::copy(t.answer, targets.begin() + rows.first[i]);
    const int64_t length = p + std::ssize(t.answer);
    for (int64_t j = 0; j < length; ++j) {
      positions[begin + j] = static_cast<int32_t>(j);
      starts[begin + j] = static_cast<int32_t>(at[i].column);
    }
    for (int64_t j = 0; j < std::ssize(t.answer); ++j)
      rows.predictors.data<int32_t>()[rows.first[i] + j] = static_cast<int32_t>(begin + p + j - 1);
    rows.last.data<int32_t>()[i] = static_cast<int32_t>(begin + length - 1);
  }
  return rows;
}

ops::LogProbs answer_log_probs(const Gpt& gpt, const AnswerRows& rows, float temperature,
                               bool with_entropy) {
  const Tensor hidden = gpt.hidden(rows.tokens, rows.positions, rows.starts, rows.predictors);
  return ops::linear_log_probs(hidden, gpt.head(), rows.targets, temperature, with_entropy);
}

Tensor answer_values(const Gpt& gpt, const AnswerRows& rows) {
  return gpt.scalars(gpt.hidden(rows.tokens, rows.positions, rows.starts, rows.predictors));
}

Tensor answer_rewards(const Gpt& gpt, const AnswerRows& rows) {
  return gpt.scalars(gpt.hidden(rows.tokens, rows.positions, rows.starts, rows.last));
}

}  // namespace lineage
