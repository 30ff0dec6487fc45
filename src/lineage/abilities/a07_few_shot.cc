#include <algorithm>

#include "lineage/abilities/ids.h"
#include "lineage/abilities/instruction_items.h"

namespace lineage {
namespace {

// Simple types of the families that every base model should have met in its text.
Instance known_task(const World& world, uint64_t index) {
  constexpr Family kOf[] = {Family::fact, Family::stance, Family::sum, Family::reverse};
  const Family family = kOf[index % std::size(kOf)];
  const uint64_t k = item_rng(world, "A07 type", index).bits(0);
  InstructionType type{.family = family};
  if (family == Family::reverse)
    type.first = list_op_index({ListOp::Kind::reverse});
  else if (family == Family::fact)
    type.parameter =
        static_cast<int>(k % static_cast<uint64_t>(std::min(6, family_parameters(world, family))));
  else if (family == Family::sum)
    type.parameter = static_cast<int>(k % 2);
  Instance item =
      typed_item(world, type, "A07", index, std::string(family_info(family).name), kMostExamples);
  item.cluster.clear();  // these are the tasks meant, not a sample of some
  return item;
}

}  // namespace

AbilityDefinition a07_few_shot() {
  WorldScenario known =
      instruction_scenario(kKnownTasks, "few-shot on known tasks", 400, 24, known_task);
  known.spec.prompt.shots = 4;
  known.conditions = {{0, 200}, {8, 100}};
  known.spec.about = {
      .measures =
          "Four worked examples come first, then one more task of the same kind. The plain "
          "text of pretraining holds such tasks. An answer counts when content and form "
          "are right.",
      .chance = kMostFrequentAnswer,
      .low =
          "At chance or below, the model does not take the task from the examples, or it answers "
          "in another form. The row “whatever the form”, below, tells which.",
      .accepts = kSeveralAnswers,
      .parts =
          "fact: a question about a person. stance: what somebody thinks of a topic. sum: two "
          "numbers. reverse: a list."};
  return {.id = "A07", .tag = Ability::known_task, .scenarios = {known}};
}

}  // namespace lineage
