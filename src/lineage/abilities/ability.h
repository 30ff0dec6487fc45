#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lineage/abilities/allowed_overlap.h"
#include "lineage/abilities/derived.h"
#include "lineage/eval/scenario.h"
#include "lineage/world/facts.h"

namespace lineage {

// A scenario of the micro-world before its world is known.
struct WorldScenario {
  ScenarioSpec spec;  // the prompt's raw form follows from the items (suite.cc)
  // A pure function of the world and the index (world/item_split.h), with parts in tokens.
  std::function<Instance(const World&, uint64_t index)> item;
  // The first n items with another number of demonstrations, as "NAME.k4".
  struct Condition {
    int shots = 0;
    int64_t n = 0;
  };
  std::vector<Condition> conditions = {};
  int votes = 0;                // chains that vote in a further condition, "NAME.majority"; 0: none
  bool continues_text = false;  // the question is a text to continue, as in a document
};

// A number of another ability's answers, such as the length of those to A08.
struct BorrowedMetric {
  std::string scenario;
  AggregateMetric metric;
};

// One ability of the suite (docs/abilities.md, section 6): everything that defines it, in one file.
// `id` goes into its scenarios, metrics and derived scores; those without a parent row are rows of
// their own in a report and have an explanation.
struct AbilityDefinition {
  std::string id;               // "A12"
  Ability tag = Ability::none;  // tag of its answer tokens; none: it has no items
  std::vector<WorldScenario> scenarios = {};
  std::vector<BorrowedMetric> borrowed = {};
  std::vector<DerivedScore> derived = {};
  std::vector<AllowedOverlap> allowed = {};
};

// One file each.
AbilityDefinition a01_grammar();
AbilityDefinition a02_stories();
AbilityDefinition a03_knowledge();
AbilityDefinition a04_commonsense();
AbilityDefinition a05_in_context();
AbilityDefinition a06_functions_in_context();
AbilityDefinition a07_few_shot();
AbilityDefinition a08_instructions();
AbilityDefinition a09_generalisation();
AbilityDefinition a10_code_generation();
AbilityDefinition a11_code_understanding();
AbilityDefinition a12_reasoning();
AbilityDefinition a13_long_range();
AbilityDefinition a14_tracking();
AbilityDefinition a15_demonstrations();
AbilityDefinition a16_alignment_tax();
AbilityDefinition a17_informative();
AbilityDefinition a18_impartial();
AbilityDefinition a19_propriety();
AbilityDefinition a20_abstention();
AbilityDefinition a21_history();
AbilityDefinition a22_belief();
AbilityDefinition a23_exactness();
AbilityDefinition a24_retrieval();
AbilityDefinition a25_language_b();
AbilityDefinition a26_training_shift();

}  // namespace lineage
