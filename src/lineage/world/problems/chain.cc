#include "lineage/world/problems/chain.h"

#include <algorithm>
#include <optional>

namespace lineage {
namespace {

// Splits a state problem's step of two sentences as one: sentences are grouped as the gold chain
// groups them.
int sentences_of(const Tokens& step) {
  return static_cast<int>(std::count(step.begin(), step.end(), word_token(".")));
}

std::optional<bool> sum_holds(std::span<const Token> sentence) {
  const auto find = [&](Token t) {
    return static_cast<size_t>(std::find(sentence.begin(), sentence.end(), t) - sentence.begin());
  };
  const size_t equals = find(word_token("="));
  const size_t plus = find(word_token("+")), minus = find(word_token("-"));
  const size_t op = std::min(plus, minus);
  if (op >= equals || equals + 1 >= sentence.size() || op == 0) return std::nullopt;
  const ReadNumber a = read_number(sentence.subspan(op - 1, 1)),
                   b = read_number(sentence.subspan(op + 1, equals - op - 1)),
                   c = read_number(sentence.subspan(equals + 1));
  if (!a.ok || !b.ok || !c.ok) return false;
  return (op == plus ? a.value + b.value : a.value - b.value) == c.value;
}

}  // namespace

Tokens chained_answer(const Problem& problem) {
  return TokenText().add(chain_text(problem)).text("answer").add(problem.answer).take();
}

Tokens direct_answer(const Problem& problem) { return problem.answer; }

double ChainReport::step_accuracy() const {
  if (correct.empty()) return 0;
  return static_cast<double>(std::count(correct.begin(), correct.end(), true)) /
         static_cast<double>(correct.size());
}

ChainReport parse_chain(const Problem& problem, std::span<const Token> response) {
  const Token stop = word_token("."), mark = word_token("answer");
  ChainReport report;
  const auto last = std::find(response.rbegin(), response.rend(), mark);
  report.chained = last != response.rend();
  const size_t answer_at =
      report.chained ? static_cast<size_t>(response.rend() - last) : response.size();
  const auto chain = response.first(report.chained ? answer_at - 1 : response.size());
  report.answer.assign(response.begin() + (report.chained ? static_cast<long>(answer_at) : 0),
                       response.end());
  while (!report.answer.empty() && report.answer.back() == stop) report.answer.pop_back();
  report.answer_correct = report.answer == problem.answer;

  const std::vector<Tokens> sentences = split_tokens(chain, stop);
  const bool has_chain = report.chained || sentences.size() > 1;
  if (has_chain) report.steps = static_cast<int>(sentences.size());
  for (const Tokens& sentence : sentences)
    if (const auto holds = sum_holds(sentence)) {
      ++report.sums;
      report.true_sums += *holds;
    }
  size_t at = 0;
  bool all = true;
  for (const Tokens& step : problem.chain) {
    Tokens seen;
    for (int i = 0; i < sentences_of(step); ++i, ++at)
      if (has_chain && at < sentences.size()) {
        seen.insert(seen.end(), sentences[at].begin(), sentences[at].end());
        seen.push_back(stop);
      }
    report.correct.push_back(seen == step);
    all = all && report.correct.back();
    report.prefix += all;
  }
  return report;
}

}  // namespace lineage
