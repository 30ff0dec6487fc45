#include "lineage/world/document.h"

#include <array>

#include "lineage/base/enum_index.h"

namespace lineage {

std::string_view document_type_name(DocumentType type) {
  constexpr std::array<std::string_view, 21> kNames = {
      "encyclopaedia", "story",       "bursty", "question_page",    "news",      "forum",
      "informal_math", "language_b",  "script", "function",         "repl",      "trace",
      "class_tree",    "long_range",  "bugfix", "arithmetic_facts", "procedure", "brackets",
      "word_problem",  "instruction", "dialog"};
  return kNames[enum_index(type)];
}

std::string_view ability_name(Ability ability) {
  switch (ability) {
    case Ability::none:
      return "none";
    case Ability::grammar:
      return "grammar";
    case Ability::open_generation:
      return "open_generation";
    case Ability::world_knowledge:
      return "world_knowledge";
    case Ability::commonsense:
      return "commonsense";
    case Ability::binding:
      return "binding";
    case Ability::novel_function:
      return "novel_function";
    case Ability::known_task:
      return "known_task";
    case Ability::instruction:
      return "instruction";
    case Ability::unseen_instruction:
      return "unseen_instruction";
    case Ability::code_generation:
      return "code_generation";
    case Ability::code_understanding:
      return "code_understanding";
    case Ability::chain_of_thought:
      return "chain_of_thought";
    case Ability::long_range:
      return "long_range";
    case Ability::entity_tracking:
      return "entity_tracking";
    case Ability::informativeness:
      return "informativeness";
    case Ability::impartiality:
      return "impartiality";
    case Ability::propriety:
      return "propriety";
    case Ability::abstention:
      return "abstention";
    case Ability::dialog_history:
      return "dialog_history";
    case Ability::belief:
      return "belief";
    case Ability::formal_reasoning:
      return "formal_reasoning";
    case Ability::retrieval:
      return "retrieval";
    case Ability::multilingual:
      return "multilingual";
  }
  return "none";
}

}  // namespace lineage
