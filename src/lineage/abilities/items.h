#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lineage/abilities/ability.h"
#include "lineage/eval/aggregate_metrics.h"
#include "lineage/eval/item_metrics.h"
#include "lineage/world/document.h"
#include "lineage/world/item_split.h"
#include "lineage/world/token_text.h"

namespace lineage {

// Shared by the files of abilities: scenarios of the usual kinds, choices, demonstrations.

using ItemFunction = std::function<Instance(const World&, uint64_t index)>;

// The likeliest of the choices counts.
WorldScenario choice_scenario(std::string name, std::string title, int64_t n, ItemFunction);
// The model writes up to `max_tokens`; the items' grade counts.
WorldScenario written_scenario(std::string name, std::string title, int64_t n, int64_t max_tokens,
                               ItemFunction);
// An answer is right when it equals an accepted one, with or without the full stop of a sentence.
ItemMetric world_answer_match();
// The model writes its steps before the answer.
void ask_for_chain(WorldScenario&);
// Shown below another row, which has the explanation.
WorldScenario below(std::string parent_row, WorldScenario);

// A grade or annotations of an output, read from its tokens.
template <class F>
auto of_tokens(F f) {
  return [f = std::move(f)](const std::string& output) {
    return f(std::span<const Token>(Vocabulary::get().tokenizer()->encode_with_specials(output)));
  };
}

// An unfinished document: its tokens without the end of text.
Tokens open_text(DocumentWriter&);

// The values that an answer of this relation is chosen from: all of them, or, where these are
// names, the right one among 15 others. Sets the item's answers and the index of the correct one.
void set_value_choices(Instance&, const World&, const Fact&, Draw&);
// Single tokens as choices.
void set_token_choices(Instance&, std::span<const Token> choices, Token correct);

// The cell of persons in no corpus.
inline constexpr const char* kFresh = "fresh";

// A person of a tier and half.
const Person& random_person(const World&, Tier, bool questioned, Draw&);
std::string_view tier_name(Tier);

// The index of an item's i-th demonstration, of at most kMostExamples.
inline constexpr int kMostExamples = 8;
constexpr uint64_t example_index(uint64_t index, int i) {
  return kFirstExampleProbe + index * kMostExamples + static_cast<uint64_t>(i);
}

// The chance of written answers where no other baseline is greater (eval/score.h, Chance).
inline constexpr const char* kMostFrequentAnswer =
    "What the most frequent right answer scores when it is given to every item.";

}  // namespace lineage
