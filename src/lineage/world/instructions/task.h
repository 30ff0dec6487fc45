#pragma once

#include "lineage/world/instructions/demonstration.h"
#include "lineage/world/item_split.h"

namespace lineage {

// Input of a family's generator: everything that decides an item.
struct TaskInput {
  const World& world;
  int parameter = 0;
  int phrase = 0;  // 0 or 1: which of its two wordings
  ItemUse use = ItemUse::training;
  // Share of questions about persons who are hardly known (T1), answered as if they were known: the
  // knob of the knownness control (section 3.6).
  double unknown_share = 0;
  Draw& draw;
};

// An item of a family, before its wording frame and format.
struct Task {
  Tokens request{}, payload{};  // "reverse", "cat , lamp , owl"
  std::vector<Tokens> answer{};
  std::function<double(std::span<const Token>)> accept{};
  HiddenRecord record{};
  uint64_t key = 0;
  bool test_only = false;  // whatever the key
  // Training may hold this input, alone or within another: no test uses it, whatever the key.
  bool also_trained = false;
};

// A generator draws without regard to the split; nothing when this draw gives no valid task.
using TaskGenerator = std::optional<Task> (*)(const TaskInput&);
struct FamilyEntry {
  FamilyInfo info;
  int (*parameters)(const World&);
  TaskGenerator generate;
};
// One list for each file of generators.
std::vector<FamilyEntry> list_families();
std::vector<FamilyEntry> knowledge_families();
std::vector<FamilyEntry> language_families();
std::vector<FamilyEntry> reasoning_families();
std::vector<FamilyEntry> code_families();
std::vector<FamilyEntry> context_families();
const FamilyEntry& family_entry(Family);

// Shared by generators.
std::optional<Task> list_task(std::span<const ListOp>, ListDomain, const TaskInput&);
// Whether training may hold a list of nouns in one of the two families that take such lists: as
// something to work on (F01 to F09) or to be made plural (F20). Each has a key of its own.
bool is_trained_list(std::span<const Token> nouns);
const Person& known_person(const TaskInput&);  // of T128 and T400; of the Q-half in training
int told_attributes(const World&);             // of those in biographies, without years
template <int N>
int fixed_parameters(const World&) {
  return N;
}

}  // namespace lineage
