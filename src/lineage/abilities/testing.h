#pragma once

#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/abilities/suite.h"
#include "lineage/world/item_split.h"
#include "lineage/world/token_text.h"

namespace lineage::testing {

// An item of the suite in tokens throughout, as its generator made it.
struct TokenExample {
  Tokens question, chain, answer;
};
struct TokenItem {
  std::string cell, cluster;
  Tokens question, chain;
  std::vector<Tokens> answers, contexts;
  std::vector<TokenExample> examples;
  int correct = 0;
  double baseline = 0;
  std::function<double(const Tokens&)> grade;
  std::function<std::vector<double>(const Tokens&)> annotate;
};

inline TokenItem in_tokens(const Instance& i) {
  const auto tokens = [](const std::vector<Part>& parts) {
    std::vector<Tokens> all;
    for (const Part& p : parts) all.push_back(p.tokens);
    return all;
  };
  TokenItem t{.cell = i.cell,
              .cluster = i.cluster,
              .question = i.question.tokens,
              .chain = i.chain.tokens,
              .answers = tokens(i.answers),
              .contexts = tokens(i.contexts),
              .examples = {},
              .correct = i.correct,
              .baseline = i.baseline,
              .grade = nullptr,
              .annotate = nullptr};
  for (const FewShotExample& e : i.examples)
    t.examples.push_back({e.question.tokens, e.chain.tokens, e.answer.tokens});
  const auto text = [](const Tokens& output) {
    return Vocabulary::get().tokenizer()->decode(output);
  };
  if (i.grade) t.grade = [=, f = i.grade](const Tokens& output) { return f(text(output)); };
  if (i.annotate)
    t.annotate = [=, f = i.annotate](const Tokens& output) { return f(text(output)); };
  return t;
}

struct TestScenario {
  std::string name, ability;
  bool choose = false, chain = false;
  int64_t max_tokens = 0;
  const WorldScenario* scenario;
  TokenItem item(const World& world, uint64_t index) const {
    return in_tokens(scenario->item(world, index));
  }
};

// Those of some abilities, or of all.
inline std::vector<TestScenario> scenarios_of(std::initializer_list<std::string_view> ids = {}) {
  std::vector<TestScenario> all;
  for (const AbilityDefinition& a : abilities())
    if (ids.size() == 0 || std::ranges::find(ids, a.id) != ids.end())
      for (const WorldScenario& s : a.scenarios) {
        const PromptSpec& p = s.spec.prompt;
        all.push_back({s.spec.name, a.id, p.method == PromptSpec::Method::choose,
                       p.reasoning == PromptSpec::Reasoning::chain, p.sampling.max_tokens, &s});
      }
  return all;
}

inline TestScenario scenario_called(std::string_view name) {
  for (const TestScenario& s : scenarios_of())
    if (s.name == name) return s;
  throw std::logic_error("no scenario " + std::string(name));
}

}  // namespace lineage::testing
