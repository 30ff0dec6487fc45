#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/world/draw.h"
#include "lineage/world/vocabulary.h"

namespace lineage {

// Language A's grammar as twelve phenomena (A01; docs/abilities.md, section 6): each sentence has a
// partner that breaks one rule and nothing else.
enum class Phenomenon : uint8_t {
  agreement,                   // the boy runs / run
  agreement_one_attractor,     // the boy with the girls runs / run
  agreement_two_attractors,    // the boy with the girls at the trees runs / run
  agreement_subject_relative,  // the boy that likes the girls runs / run
  agreement_object_relative,   // the boy that the girls like runs / run
  agreement_inside_relative,   // the boy that the girls like / likes runs
  reflexive,                   // the girl likes herself / himself
  reflexive_attractor,         // the boys with the girl like themselves / herself
  negative_polarity,           // no / the boy ever runs
  pronoun_gender,              // mira likes her / his house
  tense,                       // yesterday the boy liked / likes the house
  determiner                   // these boys / boy run
};
inline constexpr int kPhenomena = 12;
std::string_view phenomenon_name(Phenomenon);

struct MinimalPair {
  std::vector<Token> good, bad;  // sentences with their full stop, equally long
  size_t critical = 0;           // the first place where they differ
};

// A tenth of the sentences, chosen by a hash of the good one, are for tests only: training draws
// from the others.
enum class SentenceUse : uint8_t { training, test };
MinimalPair minimal_pair(Phenomenon, SentenceUse, Draw&);

// Whether the grammar derives a sentence, given with its full stop. Attractors may be singular or
// plural: neither breaks a rule.
bool is_sentence(std::span<const Token>);

// Adds a training sentence of a random phenomenon; its critical token is an answer of A01.
void write_sentence(DocumentWriter&, Draw&);

// A simple sentence with subject and object or place, for language B: the parts in A's words.
struct SimpleSentence {
  std::vector<Token> subject, verb, rest;
};
SimpleSentence simple_sentence(Draw&, SentenceUse = SentenceUse::training);
Token other_number(Token verb);  // like <-> likes

}  // namespace lineage
