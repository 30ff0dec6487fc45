#include "lineage/abilities/ids.h"
#include "lineage/abilities/instruction_items.h"

namespace lineage {
namespace {

InstructionType heldout_composition(const World& world, uint64_t index) {
  const auto held = heldout_compositions();
  const Rng key = item_rng(world, "A09 type", index);
  const Composition c = held[key.below(held.size(), 0)];
  std::vector<ListDomain> domains;
  for (int d = 0; d < kListDomains; ++d)
    if (on_domain(list_ops()[c.first], static_cast<ListDomain>(d)) &&
        on_domain(list_ops()[c.second], static_cast<ListDomain>(d)))
      domains.push_back(static_cast<ListDomain>(d));
  InstructionType type{.first = c.first, .second = c.second};
  type.domain = domains[key.below(domains.size(), 1)];
  return type;
}

// The score of one operation that is valid for the list and drawn at random; 0 of items that are no
// list instructions.
double random_operation_baseline(const World& world, uint64_t index) {
  const Demonstration d =
      instructions(world)->demonstration(heldout_composition(world, index), "A09a", index);
  return d.record.list ? random_operation_score(*d.record.list) : 0;
}

Instance unseen_composition(const World& world, uint64_t index) {
  Instance item =
      typed_item(world, heldout_composition(world, index), "A09a", index, "composition", 2);
  item.baseline = random_operation_baseline(world, index);
  return item;
}

Instance unseen_family(const World& world, uint64_t index) {
  constexpr Family kOf[] = {Family::unique,  Family::interleave, Family::compare, Family::passive,
                            Family::pronoun, Family::syllogism,  Family::fix_bug, Family::glossary};
  static_assert(std::size(kOf) == kHeldoutFamilies);
  const Family family = kOf[index % kHeldoutFamilies];
  InstructionType type{.family = family};
  type.parameter =
      static_cast<int>(item_rng(world, "A09 parameter", index)
                           .below(static_cast<uint64_t>(family_parameters(world, family)), 0));
  return typed_item(world, type, "A09b", index, std::string(family_info(family).code), 2);
}

// Trained types in a held-out format, and in their held-out paraphrase.
Instance unseen_form(const World& world, uint64_t index) {
  const auto all = instructions(world);
  const Rng key = item_rng(world, "A09 form", index);
  const auto types = all->asked_types();
  const bool format = index % 2 == 0;
  for (uint64_t i = 0;; ++i) {
    InstructionType type = types[key.below(types.size(), i)];
    if (!format)
      return typed_item(world, type, "A09c", index, "paraphrase", 2, Paraphrases::heldout);
    if (!family_info(type.family).formats) continue;
    type.format = index % 4 == 0 ? AnswerFormat::braces : AnswerFormat::result_tag;
    return typed_item(world, type, "A09c", index, "format", 2);
  }
}

WorldScenario unseen(std::string name, std::string title, int64_t max_tokens, ItemFunction item,
                     Explanation about) {
  WorldScenario s =
      instruction_scenario(std::move(name), std::move(title), 400, max_tokens, std::move(item));
  s.conditions = {{2, 100}};
  s.spec.about = std::move(about);
  s.spec.about.accepts = kSeveralAnswers;
  return s;
}

}  // namespace

AbilityDefinition a09_generalisation() {
  const std::string families = "A09.families", forms = "A09.forms";
  return {
      .id = "A09",
      .tag = Ability::unseen_instruction,
      .scenarios =
          {unseen("A09.compositions", "held-out compositions", 24, unseen_composition,
                  {.measures = "An instruction joins two list operations. Tuning has each of the "
                               "two, but never this pair.",
                   .chance = "What one operation scores that is valid for the list and drawn at "
                             "random.",
                   .low = "At chance or below, the model does not carry out both operations in "
                          "turn."}),
           unseen(families, "held-out families", 64, unseen_family,
                  {.measures = "An instruction belongs to one of eight families that no stage is "
                               "tuned on, such as turning a sentence into the passive.",
                   .chance = kMostFrequentAnswer,
                   .low = "At chance or below, what the model learned of other families does not "
                          "help with these. Chance is above 0 since some families have few "
                          "possible answers, such as yes and no.",
                   .parts = "F08: each element once. F10: two lists in turn. F14: compare two "
                            "persons. F21: passive. F26: whom a pronoun means. F30: a conclusion. "
                            "F34: mend a program. F37: words explained in the prompt."}),
           unseen(forms, "held-out formats and paraphrases", 64, unseen_form,
                  {.measures = "An instruction of a trained kind comes in a wording, or asks for a "
                               "format of the answer, that no training has.",
                   .chance = kMostFrequentAnswer,
                   .low = "A score well below that of A08 says that the model depends on the "
                          "wordings and formats that it was tuned on.",
                   .parts = "format: an answer in braces or with a tag. paraphrase: another "
                            "wording of the request."})},
      .allowed = {
          {.scenarios = {families},
           .cells = {"F34"},
           .sources = {TrainingKind::code, TrainingKind::demonstrations},
           .checks = {Check::program},
           .why = "functions of one operation are common code; held out is to repair one on "
                  "request"},
          {.scenarios = {forms},
           .sources = {TrainingKind::code},
           .checks = {Check::program},
           .why = "functions of one operation are common code; held out is the wording or "
                  "the format"}}};
}

}  // namespace lineage
