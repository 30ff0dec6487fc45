#include <algorithm>
#include <array>
#include <cmath>

#include "lineage/abilities/items.h"
#include "lineage/world/dialogs/dialog.h"

namespace lineage {
namespace {

constexpr int kNear = 3;                     // turns back
enum HistoryNumber : size_t { kNearRight };  // the annotations of an item

Instance history(const World& world, bool flat, uint64_t index) {
  constexpr std::array<DialogType, 3> kOf = {DialogType::memory, DialogType::anaphora,
                                             DialogType::constraint};
  const auto make = [&](uint64_t at) {
    return make_dialog(world, kOf[at % 3], 1 + static_cast<int>(at / 3 % 6), "A21", at);
  };
  const auto put = [&](const Dialog& d) {
    return flat ? flat_prompt(d, d.asked) : dialog_question(d, d.asked);
  };
  const Dialog d = make(index);
  Instance item;
  item.cell = std::string(dialog_type_name(d.type)) + ", lag " + std::to_string(d.lag);
  item.question = put(d);
  item.answers = {d.turns[d.asked].bot};
  if (d.lag <= kNear)
    item.annotate = of_tokens([reply = d.turns[d.asked].bot](std::span<const Token> output) {
      const auto bare = [](std::span<const Token> text) {
        return !text.empty() && text.back() == word_token(".") ? text.first(text.size() - 1) : text;
      };
      return std::vector{std::ranges::equal(bare(output), bare(reply)) ? 1.0 : 0.0};
    });
  else
    item.annotate = [](const std::string&) { return std::vector{std::nan("")}; };
  return item;
}

}  // namespace

AbilityDefinition a21_history() {
  const std::string kTurns = "A21.turns";
  const auto scenario = [](std::string name, std::string title, int64_t n, bool flat) {
    WorldScenario s = written_scenario(
        std::move(name), std::move(title), n, 16,
        [flat](const World& world, uint64_t index) { return history(world, flat, index); });
    s.spec.metric = world_answer_match();
    return s;
  };
  WorldScenario turns = scenario(kTurns, "earlier turns", 360, false);
  turns.spec.chat_if_tuned = true;
  turns.spec.aggregates = {
      aggregates::annotation(kTurns + ".near", "earlier turns, one to three back", kNearRight)};
  turns.spec.about = {
      .measures =
          "The last question of a conversation needs something said one to six turns "
          "before: a fact, the person whom “she” means, or a form to keep to.",
      .chance = kMostFrequentAnswer,
      .low =
          "The last turn alone does not tell the answer, so a model that reads no further back "
          "stays near chance.",
      .parts =
          "memory: a fact. anaphora: whom a pronoun means. constraint: a form to keep to. lag: "
          "how many turns back."};
  return {.id = "A21",
          .tag = Ability::dialog_history,
          .scenarios = {turns, below(kTurns, scenario("A21.flat", "earlier turns, as plain text",
                                                      150, true))}};
}

}  // namespace lineage
