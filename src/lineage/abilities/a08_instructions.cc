#include "lineage/abilities/ids.h"
#include "lineage/abilities/instruction_items.h"

namespace lineage {
namespace {

Instance trained_type(const World& world, uint64_t index) {
  const auto all = instructions(world);
  const auto types = all->asked_types();
  const InstructionType& type = types[item_rng(world, "A08 type", index).below(types.size(), 0)];
  return typed_item(world, type, "A08", index, std::string(family_info(type.family).code), 4);
}

}  // namespace

AbilityDefinition a08_instructions() {
  WorldScenario trained = instruction_scenario(kTrainedTypes, "trained instructions, new inputs",
                                               1068, 64, trained_type);
  trained.conditions = {{4, 100}};
  trained.spec.about = {
      .measures =
          "An instruction of a kind that tuning trains on comes with new inputs and without "
          "examples. An answer counts when content and form are right.",
      .chance = kMostFrequentAnswer,
      .low =
          "A base model is not trained to follow instructions, so a score near 0 says nothing of "
          "what it knows. Answers with the right content in another form count in the row "
          "“whatever the form”, below.",
      .accepts = kSeveralAnswers,
      .parts = kFamilyCells};
  const std::vector<std::string> functions_of_code = {"F32", "F33", "F34", "F35"};
  return {.id = "A08",
          .tag = Ability::instruction,
          .scenarios = {trained},
          .allowed = {{.cells = {"F11"},
                       .sources = {TrainingKind::text},
                       .checks = {Check::exact},
                       .share = 0.1,
                       .why = "pages ask of cities and companies too; of persons tests ask the "
                              "H-half alone"},
                      {.cells = {"F20"},
                       .sources = {TrainingKind::demonstrations},
                       .checks = {Check::exact},
                       .share = 0.05,
                       .why = "a longer list may end as the item's does, and so does its answer"},
                      {.cells = {"F22"},
                       .sources = {TrainingKind::demonstrations},
                       .checks = {Check::grams},
                       .share = 0.05,
                       .why = "a passage about another person may have the same place and thing; "
                              "the item holds the answer itself"},
                      {.cells = functions_of_code,
                       .sources = {TrainingKind::code},
                       .checks = {Check::program},
                       .why = "functions of one operation are common code; the items ask for words "
                              "for them, or the reverse"}}};
}

}  // namespace lineage
