#pragma once

#include <span>
#include <vector>

#include "lineage/world/template.h"

namespace lineage {

// The wordings of facts (docs/abilities.md, section 3.3). Slots: {v} the value; the subject as {s}
// where a person may also be "he" or "she", as {o} where it must be the name; {y} the year of a
// dated fact. An attribute has ten statements, of which the last two are held out from training,
// and four questions, of which the last one is held out; other relations have fewer.
struct FactTemplates {
  std::vector<Template> statements, questions;
  int heldout_statements = 0, heldout_questions = 0;  // at the end of each list

  std::span<const Template> train_statements(int64_t most = 8) const;
  std::span<const Template> test_statements() const;
  std::span<const Template> train_questions() const;
  std::span<const Template> test_questions() const;
};
const FactTemplates& fact_templates(Relation);

// The same in language A's words but language B's order (see language_b.h); two for each relation,
// for the attributes and the countries of cities.
std::span<const Template> b_statements(Relation, WordOrder);

// The slots of a fact, with `subject` in place of the subject's name ("he", "she") when it is not
// empty; the value's tokens carry `tag`, a pronoun that of grammar.
Phrase subject_words(const Fact&);
Phrase value_words(const Fact&);
void write_fact(DocumentWriter&, const Template&, const Fact&, TokenTag tag = {},
                Phrase subject = {});
// The tokens of a statement or question of the fact, up to the value.
std::vector<Token> fact_prompt(const Template&, const Fact&);

}  // namespace lineage
