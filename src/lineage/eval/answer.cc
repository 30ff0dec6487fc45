#include "lineage/eval/answer.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace lineage {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view trimmed(std::string_view s, std::string_view what = kSpace) {
  const size_t first = s.find_first_not_of(what);
  return first == s.npos ? std::string_view{}
                         : s.substr(first, s.find_last_not_of(what) - first + 1);
}

// Leaves what follows the last `mark`; false if there is none.
bool cut_to_last(std::string_view& s, std::string_view mark) {
  const size_t at = s.rfind(mark);
  if (at != s.npos) s.remove_prefix(at + mark.size());
  return at != s.npos;
}

constexpr std::string_view kAnswerMark = "####";  // of GSM8K's authors

std::string_view first_line(std::string_view s) { return trimmed(s.substr(0, s.find('\n'))); }

// Where the word that begins at or behind `at` ends.
size_t end_of_word(std::string_view s, size_t at) {
  at = s.find_first_not_of(kSpace, at);
  return at == s.npos ? s.npos : std::min(s.size(), s.find_first_of(kSpace, at));
}

size_t count_words(std::string_view s) {
  size_t words = 0;
  for (size_t at = 0; (at = end_of_word(s, at)) != s.npos;) ++words;
  return words;
}

std::string_view first_words(std::string_view s, size_t words) {
  size_t end = 0;
  for (size_t next; words > 0 && (next = end_of_word(s, end)) != s.npos; --words) end = next;
  return s.substr(0, end);
}

}  // namespace

std::string extract_answer(std::string_view output, const PromptSpec& p,
                           std::string_view reference) {
  if (p.reasoning == PromptSpec::Reasoning::chain) {
    const bool number = p.match == PromptSpec::Match::number;
    if (!cut_to_last(output, trimmed(p.chain_end)) && !(number && cut_to_last(output, kAnswerMark)))
      return {};
    output = first_line(trimmed(output));
    while (output.ends_with('.')) output = trimmed(output.substr(0, output.size() - 1));
  }
  output = trimmed(output);
  switch (p.form) {
    case PromptSpec::Form::all:
      return std::string(output);
    case PromptSpec::Form::first_line:
      return std::string(first_line(output));
    case PromptSpec::Form::first_words:
      return canonical_answer(first_words(output, std::max<size_t>(1, count_words(reference))),
                              PromptSpec::Match::bare);
  }
  return {};
}

bool same_final_answer(std::string_view answer, std::string_view reference) {
  const auto form = [](std::string_view text) {
    cut_to_last(text, kAnswerMark);
    return canonical_answer(trimmed(text), PromptSpec::Match::number);
  };
  const std::string wanted = form(reference);
  return !wanted.empty() && form(answer) == wanted;
}

bool closes_with(std::string_view text, std::string_view closing) {
  return trimmed(text).ends_with(trimmed(closing));
}

std::string without_closing(std::string_view text, std::string_view closing) {
  if (closes_with(text, closing))
    text = trimmed(trimmed(text).substr(0, trimmed(text).size() - trimmed(closing).size()));
  return std::string(text);
}

int64_t count_steps(std::string_view chain, const PromptSpec& p) {
  int64_t steps = 0;
  for (bool more = true; more;) {
    const size_t at = p.step_mark.empty() ? chain.npos : chain.find(p.step_mark);
    steps += !trimmed(chain.substr(0, at)).empty();
    more = at != chain.npos;
    if (more) chain.remove_prefix(at + p.step_mark.size());
  }
  return steps;
}

size_t vote(std::span<const DrawnAnswer> samples, const PromptSpec& p) {
  if (p.vote == PromptSpec::Vote::first) return 0;
  std::vector<size_t> voters(samples.size());
  std::iota(voters.begin(), voters.end(), size_t{0});
  std::erase_if(voters, [&](size_t i) { return samples[i].answer.empty(); });
  if (voters.empty()) return 0;
  if (p.vote == PromptSpec::Vote::complexity) {
    std::ranges::stable_sort(voters, std::greater{}, [&](size_t i) { return samples[i].steps; });
    const size_t wanted =
        p.voters > 0 ? static_cast<size_t>(p.voters) : std::max<size_t>(1, samples.size() / 2);
    voters.resize(std::min(voters.size(), wanted));
    std::ranges::sort(voters);
  }
  std::vector<std::string> forms(samples.size());
  for (size_t v : voters) forms[v] = canonical_answer(samples[v].answer, p.match);
  const auto votes = [&](size_t i) {
    return std::ranges::count_if(voters, [&](size_t v) { return forms[v] == forms[i]; });
  };
  return *std::ranges::max_element(voters, {}, votes);  // the first of equals
}

}  // namespace lineage
