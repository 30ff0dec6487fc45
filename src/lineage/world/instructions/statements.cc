#include "lineage/world/instructions/statements.h"

#include <algorithm>
#include <array>
#include <map>

#include "lineage/world/claims.h"
#include "lineage/world/problems/chain.h"

namespace lineage {
namespace {

void add_variants(int first, int last, ProblemVariant v, std::vector<ProblemVariant>& all) {
  for (v.steps = first; v.steps <= last; ++v.steps)
    for (bool chain : {false, true}) v.chain = chain, all.push_back(v);
}

}  // namespace

Tokens statement(const Fact& fact, int form, Phrase subject) {
  const auto forms = fact_templates(fact.relation).train_statements();
  const size_t begin = static_cast<size_t>(form) % forms.size();
  // A pronoun needs a wording that has a place for one.
  size_t i = begin;
  while (subject.count > 0 && !forms[i].has('s') && (i + 1) % forms.size() != begin)
    i = (i + 1) % forms.size();
  DocumentWriter out(DocumentType::instruction);
  write_fact(out, forms[i], fact, {}, subject);
  Tokens tokens = out.finish().tokens;
  tokens.pop_back();  // end of text
  return tokens;
}

Tokens side_of(const Topic& topic, bool in_favour) {
  TokenText text;
  bool first = true;
  for (int f = 0; f < 4; ++f)
    if (topic.in_favour[f] == in_favour) {
      text.text(first ? "the" : "and the").words(domain_words(Domain::faction, f));
      first = false;
    }
  return text.text("say that the")
      .token(topic.word)
      .text(in_favour ? "is good ." : "is bad .")
      .take();
}

Tokens both_sides(const Topic& topic, bool good_first) {
  return joined({side_of(topic, good_first), side_of(topic, !good_first)});
}

ReadClaims read_claims(std::span<const Token> text) {
  ReadClaims claims;
  const std::vector<Fact> all = parse_claims(text);
  for (const Fact& f : all)
    if (std::find(claims.facts.begin(), claims.facts.end(), f) == claims.facts.end())
      claims.facts.push_back(f);
  const size_t sentences = split_tokens(text, word_token(".")).size();
  claims.other_sentences = static_cast<int>(sentences - std::min(sentences, all.size()));
  return claims;
}

const std::vector<ProblemVariant>& problem_variants(Family family) {
  static const std::map<Family, std::vector<ProblemVariant>> all = [] {
    std::map<Family, std::vector<ProblemVariant>> by_family;
    add_variants(2, 3, {}, by_family[Family::hops]);
    for (int level : {1, 2})
      add_variants(1, kTunedSteps, {.level = level}, by_family[Family::word_problem]);
    add_variants(2, kTunedSteps, {.gathering = true}, by_family[Family::word_problem]);
    add_variants(1, kTunedSteps, {}, by_family[Family::box_state]);
    return by_family;
  }();
  static const std::vector<ProblemVariant> none;
  const auto at = all.find(family);
  return at == all.end() ? none : at->second;
}

int problem_parameter(Family family, const ProblemVariant& variant) {
  const auto& all = problem_variants(family);
  return static_cast<int>(std::ranges::find(all, variant) - all.begin());
}

Task problem_task(const Problem& p, bool chain, int phrase) {
  constexpr std::array<std::array<std::string_view, 2>, 2> kAsk = {
      {{"answer only", "write only the answer"},
       {"explain then answer", "first explain then answer"}}};
  Task task{.request = words_to_tokens(kAsk[chain][phrase % 2]),
            .payload = problem_text(p),
            .answer = {chain ? chained_answer(p) : direct_answer(p)}};
  task.accept = [p, chain](std::span<const Token> content) {
    const ChainReport r = parse_chain(p, content);
    const bool as_asked = r.chained == chain;
    const double partly = chain ? 0.5 * r.step_accuracy() + 0.25 * r.answer_correct : 0;
    return r.answer_correct && as_asked ? 1.0 : partly;
  };
  task.key = p.key;
  task.test_only = p.test_only;
  return task;
}

}  // namespace lineage
