#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "lineage/world/document.h"
#include "lineage/world/facts.h"

namespace lineage {

// The 40 families of instructions, F01..F40 (docs/abilities.md, section 3.6). Eight, spread over
// the domains, are held out from every tuned stage.
enum class Family : uint8_t {
  copy = 1,
  reverse,
  sort,
  element,
  count,
  remove,
  filter,
  unique,  // held out
  rotate,
  interleave,  // held out
  fact,
  inverse_fact,
  hops,
  compare,  // held out
  true_false,
  biography,
  cloze,
  to_b,
  from_b,
  pluralise,
  passive,  // held out
  summarise,
  stance,
  paraphrase,
  constrained_sentence,
  pronoun,  // held out
  sum,
  word_problem,
  box_state,
  syllogism,  // held out
  by_date,
  write_function,
  predict_output,
  fix_bug,  // held out
  explain_code,
  passage,
  glossary,  // held out
  tool_call,
  retrieved_lines,
  overview
};
inline constexpr int kFamilies = 40, kHeldoutFamilies = 8;

struct FamilyInfo {
  Family family;
  std::string_view code, name;  // "F02", "reverse"
  Ability ability;              // exercised by its answers
  bool heldout = false;
  bool lists = false;    // made of list operations, which compose
  bool formats = false;  // its answer is a word or a list of words, so all formats fit
  double weight = 1;     // of its examples in a mixture, against the other families
};
std::span<const FamilyInfo> families();
const FamilyInfo& family_info(Family);
// By code or name; for any other an Error that names the place and the nearest family.
const FamilyInfo& find_family(std::string_view code_or_name, std::string_view place);

// The number of a family's variants in this world (relations, depths, operations); not for list
// families.
int family_parameters(const World&, Family);

}  // namespace lineage
