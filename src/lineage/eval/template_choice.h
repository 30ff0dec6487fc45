#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lineage/eval/scenario.h"

namespace lineage {

struct TemplateChoice {
  PromptSpec::Template form = PromptSpec::Template::raw;
  std::optional<double> raw, chat;  // mean nats a token of the right answers, if both were tried
  int64_t items = 0;                // number of items used
};

// The template of a scenario under which the right answers are likelier: the first of its two
// unless the other is better. Answers are scored, not generated, so that the choice costs little;
// and the items are taken a few at a time until the paired difference is clear (four standard
// errors) or there are no more.
TemplateChoice choose_template(LanguageModel&, const ScenarioSpec&, std::span<const Instance> dev,
                               std::span<const Instance> pool, uint64_t seed);

}  // namespace lineage
