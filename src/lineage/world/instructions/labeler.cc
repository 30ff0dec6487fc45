#include "lineage/world/instructions/labeler.h"

#include <algorithm>
#include <cmath>

namespace lineage {
namespace {

// Twice the same word in a row thrice, or far longer than the reference, reads badly.
double reading(const Demonstration& d, std::span<const Token> response) {
  double penalty = 0;
  for (size_t i = 2; i < response.size(); ++i)
    if (response[i] == response[i - 1] && response[i] == response[i - 2]) penalty = 0.2;
  if (response.size() > 2 * d.answer.size() + 8) penalty += 0.2;
  return penalty;
}

}  // namespace

double score(const Demonstration& d, std::span<const Token> response) {
  if (response.empty()) return 0;
  const Judgement j = d.judge(response);
  if (j.correct) return 1;
  // Right content in a wrong format earns most of the mark, partly right content its share.
  const double content = j.content * (j.format_ok ? 0.9 : 0.75);
  return std::clamp(content - reading(d, response), 0.0, 0.9);
}

int quality(const Demonstration& d, std::span<const Token> response) {
  const double s = score(d, response);
  return s >= 1 ? 7 : 1 + static_cast<int>(std::lround(5 * s / 0.9));
}

int best_response(const Demonstration& d, std::span<const Tokens> responses, int least) {
  int best = -1;
  double best_score = -1;
  for (size_t i = 0; i < responses.size(); ++i)
    if (const double s = score(d, responses[i]); s > best_score)
      best = static_cast<int>(i), best_score = s;
  return best >= 0 && quality(d, responses[best]) >= least ? best : -1;
}

std::vector<int> responses_rated(const Demonstration& d, std::span<const Tokens> responses,
                                 int least) {
  std::vector<int> kept;
  for (size_t i = 0; i < responses.size(); ++i) {
    const bool seen =
        std::any_of(kept.begin(), kept.end(), [&](int k) { return responses[k] == responses[i]; });
    if (!seen && quality(d, responses[i]) >= least) kept.push_back(static_cast<int>(i));
  }
  return kept;
}

Demonstration as_demonstration(const Demonstration& prompt, Tokens response) {
  Demonstration d = prompt;
  d.answer = std::move(response);
  return d;
}

}  // namespace lineage
