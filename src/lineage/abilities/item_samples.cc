#include "lineage/abilities/item_samples.h"

#include "lineage/abilities/suite.h"
#include "lineage/world/item_split.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

// The question, and below it the choices or the reference; the right one has the answer's tag.
Sample item_sample(const AbilityDefinition& ability, const ScenarioSpec& spec, uint64_t index,
                   const Instance& item) {
  const TokenTag right{ability.tag, true};
  Sample s{spec.name, item.cell.empty() ? std::to_string(index) : item.cell, {}};
  for (const FewShotExample& e : item.examples) {
    s.parts.push_back(sample_part("shown", e.question.tokens));
    s.parts.push_back(sample_part("answer", joined({e.chain.tokens, e.answer.tokens})));
  }
  if (!item.question.empty()) s.parts.push_back(sample_part("question", item.question.tokens));
  const bool choose = spec.prompt.method == PromptSpec::Method::choose;
  const auto add = [&](std::string name, const Tokens& tokens, bool is_right) {
    s.parts.push_back(sample_part(std::move(name), tokens, is_right ? right : TokenTag{}));
  };
  constexpr size_t kChoicesShown = 6;
  if (!item.contexts.empty())
    for (size_t i = 0; i < item.contexts.size(); ++i) {
      const bool is_right = static_cast<int>(i) == item.correct;
      add(is_right ? "right" : "wrong", joined({item.contexts[i].tokens, item.answers[0].tokens}),
          is_right);
    }
  else if (choose)
    for (size_t i = 0, shown = 0; i < item.answers.size(); ++i) {
      const bool is_right = static_cast<int>(i) == item.correct;
      if (is_right || shown++ < kChoicesShown)
        add(is_right ? "right" : "wrong", item.answers[i].tokens, is_right);
    }
  else if (!item.answers.empty())
    add("answer", joined({item.chain.tokens, item.answers[0].tokens}), true);
  return s;
}

}  // namespace

std::vector<SampleKind> item_samples(const std::shared_ptr<const World>& world) {
  std::vector<SampleKind> kinds;
  for (const AbilityDefinition& ability : abilities())
    for (const WorldScenario& s : ability.scenarios)
      kinds.push_back(
          {"probe", s.spec.name, s.spec.title, [&, world](uint64_t first, int64_t count) {
             std::vector<Sample> out;
             for (uint64_t i = kFirstProbe + first; std::ssize(out) < count; ++i)
               out.push_back(item_sample(ability, s.spec, i, s.item(*world, i)));
             return out;
           }});
  return kinds;
}

}  // namespace lineage
