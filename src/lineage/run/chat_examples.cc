#include "lineage/run/chat_examples.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/stages/demonstrations.h"
#include "lineage/world/claims.h"
#include "lineage/world/dialogs/dialog.h"
#include "lineage/world/fact_templates.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/instructions/requests.h"

namespace lineage {
namespace {

constexpr std::string_view kStream = "chat example";
constexpr uint64_t kTries = 16;

// The shortest of some demonstrations of a type.
ChatExample shortest(const Instructions& all, const std::string& about,
                     const InstructionType& type) {
  Demonstration best = all.demonstration(type, kStream, 0);
  for (uint64_t i = 1; i < kTries; ++i)
    if (Demonstration d = all.demonstration(type, kStream, i); d.prompt.size() < best.prompt.size())
      best = std::move(d);
  return {about, {tokens_to_words(best.prompt)}, tokens_to_words(best.answer)};
}

InstructionType plain(Family family, int parameter = 0) {
  return {family, parameter, -1, -1, ListDomain::letters, AnswerFormat::plain};
}

InstructionType reversal() {
  const int reverse = list_op_index({ListOp::Kind::reverse});
  return {Family::reverse, 0, reverse, -1, ListDomain::numbers, AnswerFormat::plain};
}

ChatExample improper(const World& world) {
  Draw draw(item_rng(world, kStream, 0));
  const Intent* intent = &draw.pick(world.intents());
  while (intent->heldout) intent = &draw.pick(world.intents());
  return {"nobody should help with it",
          {tokens_to_words(improper_request(*intent, 0))},
          tokens_to_words(train_refusals(RefusalKind::improper)[0].tokens({}))};
}

// A person of whom no text tells.
ChatExample unknown(const World& world) {
  Draw draw(item_rng(world, kStream, 1));
  const Fact fact{Relation::birth_city, draw.pick(world.ghosts()), -1};
  return {"nobody can know",
          {tokens_to_words(fact_prompt(fact_templates(fact.relation).train_questions()[0], fact))},
          tokens_to_words(train_refusals(RefusalKind::unknown)[0].tokens({}))};
}

// A turn and the next one, which cannot be answered without it.
ChatExample two_turns(const World& world) {
  constexpr int kLag = 1;
  const Dialog dialog = make_dialog(world, DialogType::memory, kLag, kStream, 0);
  ChatExample example{"the second turn needs the first", {}, {}};
  for (size_t i = dialog.asked - kLag; i <= dialog.asked; ++i)
    example.turns.push_back(tokens_to_words(dialog.turns[i].user));
  example.answer = tokens_to_words(dialog.turns[dialog.asked].bot);
  return example;
}

}  // namespace

std::vector<ChatExample> chat_examples(const World& world) {
  const Instructions all(world);
  return {shortest(all, "a fact", plain(Family::fact, static_cast<int>(Relation::birth_city))),
          shortest(all, "a list", reversal()),
          shortest(all, "a sum", plain(Family::sum)),
          shortest(all, "a topic with two sides", plain(Family::overview)),
          improper(world),
          unknown(world),
          two_turns(world)};
}

bool tuned_on_single_turns(const Manifest& manifest) {
  return std::ranges::any_of(manifest.datasets, [](const auto& named) {
    return named.second.value("kind", "") == kDemonstrationsKind;
  });
}

}  // namespace lineage
