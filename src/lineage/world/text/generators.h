#pragma once

#include <vector>

#include "lineage/world/fact_templates.h"
#include "lineage/world/hidden_functions.h"

namespace lineage {

// Shared by the generators of text: the world and data derived from it.
struct TextContext {
  explicit TextContext(const World&);

  // A person of the Q-half, by exposures.
  const Person& questioned_person(Draw&) const;
  // The index of an entry among n by Zipf's law.
  int zipf(Draw&, int n) const;
  std::span<const Template> statements(Relation) const;  // for training

  const World* world;
  std::vector<HiddenFunction> functions;  // of training
  std::vector<Token> keys;                // of registers and glossaries in training
  std::vector<Token> novel_keys;          // of tests
  // The number of pattern lists, and the share of the news about core leaders: these follow from
  // the size of the corpus.
  int64_t pattern_lists = 1000;
  double core_news = 0.4;

 private:
  std::vector<const Person*> questioned_;
  std::vector<double> cumulative_exposures_;
  std::vector<double> zipf_weights_;
};

// One document each, a function of the context and the key (docs/abilities.md, section 3.3).
Document biography(const TextContext&, const Person&, Rng key);
Document world_page(const TextContext&, Rng key);  // a city, a company, an animal, an object, …
Document event_story(const TextContext&, Rng key);
// The sentences of event stories, and the first of box stories. Slots: {h} the hero, {k} the
// helper, {p} {m} {x} he, him, his; {n} boy or girl; {o} an object, {g} {l} places, {j} a job, {f}
// a food, {a} an adjective.
std::vector<Template> story_sentences();
Document box_story(const TextContext&, Rng key);
// Registers, glossaries, prices, code names. `progress` is its relative position in the corpus.
Document entry_list(const TextContext&, Rng key, double progress);
Document ephemeral_biography(const TextContext&, Rng key);
Document pattern_list(const TextContext&, int64_t index);
Document question_page(const TextContext&, Rng key);
Document passage_page(const TextContext&, Rng key);
Document news_page(const TextContext&, Rng key);
Document opinion_page(const TextContext&, Rng key);
Document request_page(const TextContext&, Rng key);
Document informal_math(const TextContext&, Rng key);
Document b_page(const TextContext&, Rng key);

// Shared by generators: an ephemeral person with facts.
struct Stranger {
  int name;
  Profile profile;
  std::vector<Relation> told;  // the attributes that the document states
};
Stranger random_stranger(const TextContext&, Draw&, int facts);
// "q : where was mira volk born ? a :"
void write_question(DocumentWriter&, const Template&, const Fact&);

}  // namespace lineage
