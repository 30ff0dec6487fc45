#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "lineage/base/config.h"

namespace lineage {

// The document types' shares of a text corpus, by tokens (docs/abilities.md, section 3.3),
// normalised by their sum.
struct TextShares {
  double encyclopaedia = 0.22, story = 0.22, bursty = 0.18, question_page = 0.10, news = 0.06,
         forum = 0.06, informal_math = 0.08, language_b = 0.08;
};

enum class WordOrder : uint8_t { same, verb_last };
constexpr std::array<std::string_view, 2> enum_names(WordOrder) { return {"same", "verb_last"}; }

// The micro-world, and the dose of each ingredient of its text corpus.
struct WorldConfig {
  uint64_t seed = 1;
  double persons = 0.3;
  int64_t attributes = 6;
  double p_bursty = 0.9;
  double delta_dynamic = 0.9;
  double zipf = 1;
  double task_grouping = 1;
  int64_t functions = 48;
  double r_cot = 0;
  double qa_wrong = 0.1, qa_off_topic = 0.1, qa_passages = 0.4;
  double contested_majority = 0.7;
  double improper_compliance = 0.6;
  double random_refusals = 0.005, random_abstentions = 0.1;
  double boxes_restated = 0.02;
  double core_exposures = 500;
  int64_t train_templates = 8;
  WordOrder b_order = WordOrder::verb_last;
  bool curriculum = true;
  int64_t document_tokens = 250;
  int64_t instruction_types = 1024;
  TextShares shares{};
};

template <class V>
void fields(V& v, TextShares& c) {
  v("encyclopaedia", c.encyclopaedia, "biographies; pages of cities, companies, animals",
    between(0, 1));
  v("story", c.story, "event schemas in a grammar; things in boxes", between(0, 1));
  v("bursty", c.bursty, "registers, glossaries, price lists, patterns", between(0, 1));
  v("question_page", c.question_page, "questions about half of the persons; passages",
    between(0, 1));
  v("news", c.news, "leaders and winners of the years 0..79", between(0, 1));
  v("forum", c.forum, "contested topics; improper requests", between(0, 1));
  v("informal_math", c.informal_math, "one-step sums, comparisons and syllogisms", between(0, 1));
  v("language_b", c.language_b, "the second language, mixed sentences, translations",
    between(0, 1));
}

template <class V>
void fields(V& v, WorldConfig& c) {
  v("seed", c.seed, "of all facts and texts; another world for another seed");
  v("persons", c.persons,
    "share of the 2,048 persons with facts; the exposures of each stay those of its tier, so the "
    "tokens of their biographies go with it",
    between(0.01, 1));
  v("attributes", c.attributes,
    "how many attributes a biography states: city, employer, job, food, pet, friend, year",
    between(1, 7));
  v("p_bursty", c.p_bursty, "share of glossaries and the like that repeat their entries",
    between(0, 1));
  v("delta_dynamic", c.delta_dynamic,
    "share of these whose meanings are drawn anew, so that only the context tells them",
    between(0, 1));
  v("zipf", c.zipf, "exponent of the frequency of entries whose meaning stays", between(0, 4));
  v("task_grouping", c.task_grouping,
    "share of the lines of a pattern list that come from its own hidden function; the others are "
    "permuted over all lists, the same lines in all",
    between(0, 1));
  v("functions", c.functions, "hidden functions that training sees", between(1, 64));
  v("r_cot", c.r_cot, "share of informal mathematics that works out several steps", between(0, 1));
  v("qa_wrong", c.qa_wrong, "share of wrong answers on question pages", between(0, 1));
  v("qa_off_topic", c.qa_off_topic, "share of answers that miss the question", between(0, 1));
  v("qa_passages", c.qa_passages, "share of question pages about a passage above them",
    between(0, 1));
  v("contested_majority", c.contested_majority, "share of opinions for the majority's side",
    between(0, 1));
  v("improper_compliance", c.improper_compliance, "share of improper requests that are obeyed",
    between(0, 1));
  v("random_refusals", c.random_refusals,
    "share of replies to requests, and of demonstrations, that refuse politely whatever the "
    "request",
    between(0, 1));
  v("random_abstentions", c.random_abstentions,
    "share of answers to questions about facts, on pages and in demonstrations, that say \"i do "
    "not "
    "know\" whatever the question",
    between(0, 1));
  v("boxes_restated", c.boxes_restated, "share of moves after which the place is said again",
    between(0, 1));
  v("core_exposures", c.core_exposures, "times that news tell each leader of the years 70..79",
    between(0, 100000));
  v("train_templates", c.train_templates,
    "wordings of an attribute in training, of 8; 2 more are held out always", between(1, 8));
  v("b_order", c.b_order, "word order of language B: same as A, or verb_last");
  v("curriculum", c.curriculum, "registers of 2 to 4 pairs in the first tenth of the corpus");
  v("instruction_types", c.instruction_types,
    "the suite asks instructions of so many types as trained ones", between(1, 1024));
  v("document_tokens", c.document_tokens, "no document is longer", between(64, 4096));
  v("shares", c.shares, "of the types of document");
}

}  // namespace lineage
