#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// Types of micro-world documents: text corpus, code corpus, then tuning and test data.
enum class DocumentType : uint8_t {
  encyclopaedia,
  story,
  bursty,
  question_page,
  news,
  forum,
  informal_math,
  language_b,
  script,
  function,
  repl,
  trace,
  class_tree,
  long_range,
  bugfix,
  arithmetic_facts,
  procedure,
  brackets,
  word_problem,
  instruction,
  dialog
};
std::string_view document_type_name(DocumentType);

// The ability that a token exercises, numbered as in docs/abilities.md.
enum class Ability : uint8_t {
  none = 0,
  grammar = 1,              // A01
  open_generation = 2,      // A02
  world_knowledge = 3,      // A03
  commonsense = 4,          // A04
  binding = 5,              // A05, in-context
  novel_function = 6,       // A06, in-context
  known_task = 7,           // A07, few-shot
  instruction = 8,          // A08
  unseen_instruction = 9,   // A09
  code_generation = 10,     // A10
  code_understanding = 11,  // A11
  chain_of_thought = 12,    // A12
  long_range = 13,          // A13
  entity_tracking = 14,     // A14
  informativeness = 17,     // A17
  impartiality = 18,        // A18
  propriety = 19,           // A19
  abstention = 20,          // A20
  dialog_history = 21,      // A21
  belief = 22,              // A22
  formal_reasoning = 23,    // A23
  retrieval = 24,           // A24
  multilingual = 25         // A25
};
std::string_view ability_name(Ability);

// The ability that a token exercises, and whether it is an answer: a token that only that ability
// can predict.
struct TokenTag {
  Ability ability = Ability::none;
  bool answer = false;
  bool operator==(const TokenTag&) const = default;
};

// One document with a tag for each token; its last token is end_of_text.
struct Document {
  DocumentType type;
  std::vector<Token> tokens;
  std::vector<TokenTag> tags;  // one for each token
};

}  // namespace lineage
