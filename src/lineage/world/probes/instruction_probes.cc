#include "lineage/world/probes/instruction_probes.h"

#include <algorithm>
#include <memory>

#include "lineage/world/instructions/registry.h"
#include "lineage/world/item_split.h"
#include "lineage/world/probes/choices.h"

namespace lineage {
namespace {

// The registry depends on the world by its attributes only, and takes a millisecond to make.
std::shared_ptr<const Instructions> instructions(const World& world) {
  thread_local const World* last = nullptr;
  thread_local std::shared_ptr<const Instructions> made;
  thread_local uint64_t seed = 0;
  if (last != &world || seed != world.config().seed) {
    made = std::make_shared<const Instructions>(world);
    last = &world, seed = world.config().seed;
  }
  return made;
}

ProbeItem as_item(const Demonstration& d, const InstructionType& type, std::string cell) {
  ProbeItem item;
  item.cell = std::move(cell);
  item.cluster = type_name(type);
  item.question = d.prompt;
  item.answers = {d.answer};
  item.check = [d](std::span<const Token> response) { return d.judge(response).correct ? 1 : 0; };
  item.details = [d](std::span<const Token> response) {
    return std::vector{response.empty() ? 0 : d.judge(response).content};
  };
  return item;
}

ProbeItem typed_item(const World& world, const InstructionType& type, std::string_view stream,
                     uint64_t index, std::string cell, int shots,
                     Paraphrases paraphrases = Paraphrases::trained) {
  const auto all = instructions(world);
  ProbeItem item =
      as_item(all->demonstration(type, stream, index, paraphrases), type, std::move(cell));
  for (int i = 0; i < shots; ++i) {
    const Demonstration e = all->demonstration(type, stream, example_index(index, i), paraphrases);
    item.examples.push_back({e.prompt, {}, e.answer});
  }
  item.id = std::to_string(index);
  return item;
}

// Simple types of the families that every base model should have met in its text.
ProbeItem known_task(const World& world, uint64_t index) {
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
  ProbeItem item =
      typed_item(world, type, "A07", index, std::string(family_info(family).name), kMostExamples);
  item.cluster.clear();  // these are the tasks meant, not a sample of some
  return item;
}

ProbeItem trained_type(const World& world, uint64_t index) {
  const auto all = instructions(world);
  const auto types = all->asked_types();
  const InstructionType& type = types[item_rng(world, "A08 type", index).below(types.size(), 0)];
  return typed_item(world, type, "A08", index, std::string(family_info(type.family).code), 4);
}

InstructionType heldout_composition(const World& world, uint64_t index) {
  const auto held = heldout_compositions();
  const Rng key = item_rng(world, "A09 type", index);
  const Composition c = held[key.below(held.size(), 0)];
  std::vector<ListDomain> domains;
  for (int d = 0; d < kListDomains; ++d)
    if (on_domain(list_ops()[static_cast<size_t>(c.first)], static_cast<ListDomain>(d)) &&
        on_domain(list_ops()[static_cast<size_t>(c.second)], static_cast<ListDomain>(d)))
      domains.push_back(static_cast<ListDomain>(d));
  InstructionType type{.first = c.first, .second = c.second};
  type.domain = domains[key.below(domains.size(), 1)];
  return type;
}

ProbeItem unseen_composition(const World& world, uint64_t index) {
  ProbeItem item =
      typed_item(world, heldout_composition(world, index), "A09a", index, "composition", 2);
  item.baseline = random_operation_baseline(world, index);
  return item;
}

ProbeItem unseen_family(const World& world, uint64_t index) {
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
ProbeItem unseen_form(const World& world, uint64_t index) {
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

}  // namespace

double random_operation_baseline(const World& world, uint64_t index) {
  const Demonstration d =
      instructions(world)->demonstration(heldout_composition(world, index), "A09a", index);
  return d.record.list ? random_operation_score(*d.record.list) : 0;
}

std::vector<ProbeSet> tuned_probes() {
  std::vector<ProbeSet> sets;
  for (auto probes : {instruction_probes, reasoning_probes, history_probes})
    for (ProbeSet& s : probes()) sets.push_back(std::move(s));
  return sets;
}

std::vector<ProbeSet> instruction_probes() {
  ProbeSet known = written_set("A07.known_tasks", "few-shot on known tasks", 400, 24, &known_task);
  known.shots = 4;
  known.conditions = {{0, 200}, {8, 100}};
  ProbeSet trained =
      written_set("A08.trained_types", "trained instructions, new inputs", 1068, 64, &trained_type);
  trained.conditions = {{4, 100}};
  std::vector<ProbeSet> sets = {
      known, trained,
      written_set("A09.compositions", "held-out compositions", 400, 24, &unseen_composition),
      written_set("A09.families", "held-out families", 400, 64, &unseen_family),
      written_set("A09.forms", "held-out formats and paraphrases", 400, 64, &unseen_form)};
  sets[0].about = {
      .measures =
          "Four worked examples come first, then one more task of the same kind. The "
          "plain text of pretraining holds such tasks. An answer counts when content and "
          "form are right.",
      .chance = kMostFrequentAnswer,
      .low =
          "At chance or below, the model does not take the task from the examples, or it "
          "answers in another form. The row “whatever the form”, below, tells which.",
      .accepts = "Where several answers are right, each of them counts.",
      .parts =
          "fact: a question about a person. stance: what somebody thinks of a topic. "
          "sum: two numbers. reverse: a list."};
  sets[1].about = {.measures =
                       "An instruction of a kind that tuning trains on comes with new inputs and "
                       "without examples. An answer counts when content and form are right.",
                   .chance = kMostFrequentAnswer,
                   .low =
                       "A base model is not trained to follow instructions, so a score near 0 says "
                       "nothing of what it knows. Answers with the right content in another form "
                       "count in the row “whatever the form”, below.",
                   .accepts = "Where several answers are right, each of them counts.",
                   .parts = kFamilyCells};
  sets[2].about = {
      .measures =
          "An instruction joins two list operations. Tuning has each of the two, but "
          "never this pair.",
      .chance = "What one operation scores that is valid for the list and drawn at random.",
      .low = "At chance or below, the model does not carry out both operations in turn.",
      .accepts = "Where several answers are right, each of them counts."};
  sets[3].about = {
      .measures =
          "An instruction belongs to one of eight families that no stage is tuned on, "
          "such as turning a sentence into the passive.",
      .chance = kMostFrequentAnswer,
      .low =
          "At chance or below, what the model learned of other families does not help "
          "with these. Chance is above 0 since some families have few possible answers, "
          "such as yes and no.",
      .accepts = "Where several answers are right, each of them counts.",
      .parts =
          "F08: each element once. F10: two lists in turn. F14: compare two persons. "
          "F21: passive. F26: whom a pronoun means. F30: a conclusion. F34: mend a "
          "program. F37: words explained in the prompt."};
  sets[4].about = {
      .measures =
          "An instruction of a trained kind comes in a wording, or asks for a format of "
          "the answer, that no training has.",
      .chance = kMostFrequentAnswer,
      .low =
          "A score well below that of A08 says that the model depends on the wordings "
          "and formats that it was tuned on.",
      .accepts = "Where several answers are right, each of them counts.",
      .parts =
          "format: an answer in braces or with a tag. paraphrase: another wording of the "
          "request."};
  for (ProbeSet& s : sets) s.details = {{"content", s.title + ", whatever the form"}};
  for (size_t i = 2; i < sets.size(); ++i) sets[i].conditions = {{2, 100}};
  return sets;
}

}  // namespace lineage
