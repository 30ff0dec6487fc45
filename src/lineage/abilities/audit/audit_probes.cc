#include "lineage/abilities/audit/audit.h"
#include "lineage/abilities/suite.h"
#include "lineage/base/parallel.h"

namespace lineage {
namespace {

std::vector<Token> joined_parts(const Part& a, const Part& b) {
  std::vector<Token> out = a.tokens;
  out.insert(out.end(), b.tokens.begin(), b.tokens.end());
  return out;
}

AuditItem audit_item(const Instance& i, PromptSpec::Method method) {
  AuditItem item{i.id, i.cell, i.question.tokens, {}, false};
  const bool choose = method == PromptSpec::Method::choose;
  const auto right = static_cast<size_t>(choose ? i.correct : 0);
  if (!i.contexts.empty()) {
    item.question = i.contexts[right].tokens;
    item.continues = true;
    item.target = i.answers.at(0).tokens;
  } else if (!i.answers.empty()) {
    item.target = joined_parts(i.chain, i.answers[right]);
  }
  return item;
}

}  // namespace

std::vector<AuditProbe> audit_probes(const std::shared_ptr<const World>& world, int64_t most) {
  std::vector<std::shared_ptr<const Scenario>> asked;
  for (auto& scenario : ability_suite(world))
    if (scenario->spec().prompt.vote == PromptSpec::Vote::first)
      asked.push_back(std::move(scenario));
  std::vector<AuditProbe> probes(asked.size());
  parallel_blocks(
      std::ssize(asked), 1,
      [&](int64_t s, int64_t, int64_t) {
        const ScenarioSpec& spec = asked[s]->spec();
        AuditProbe& probe = probes[s];
        probe.name = spec.name, probe.ability = spec.ability;
        probe.condition_of = spec.condition_of;
        for (const Instance& i : asked[s]->items(ItemSet::test, std::min(spec.n, most)))
          probe.items.push_back(audit_item(i, spec.prompt.method));
      },
      true);
  return probes;
}

}  // namespace lineage
