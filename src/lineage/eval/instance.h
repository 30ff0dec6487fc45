#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lineage/text/tokenizer.h"

namespace lineage {

// A piece of a prompt: text, read by the tokenizer of the model and never as special tokens. A
// scenario bound to one vocabulary sets the tokens, and its suite adds the text in that
// vocabulary's words.
struct Part {
  std::string text;
  std::vector<Token> tokens;

  Part() = default;
  Part(std::vector<Token> t, std::string s = {}) : text(std::move(s)), tokens(std::move(t)) {}
  bool empty() const { return text.empty() && tokens.empty(); }
  bool operator==(const Part&) const = default;
};
inline Part text_part(std::string text) { return Part({}, std::move(text)); }

// A demonstration: a question with its answer and, for chains of thought, the worked solution that
// leads to it.
struct FewShotExample {
  Part question, chain, answer;
};

// One item. Every model gets the same one, so that models are compared item by item.
struct Instance {
  std::string id;       // unique in its scenario
  std::string cell;     // sub-condition (a tier, a distance); a score is the mean over cells
  std::string cluster;  // items that fail together (an entity, a passage); empty: alone
  Part question;
  // choose: the choices; else the accepted answers, the first being the reference.
  std::vector<Part> answers;
  int correct = 0;  // of the choices
  // choose: which of the choices are right, where several may be (TruthfulQA's MC2); else empty.
  std::vector<bool> right = {};
  // Schemas (Winograd): choice i is answers[0] after contexts[i] instead of the question.
  std::vector<Part> contexts;
  Part chain;  // worked solution, without the answer
  // A benchmark's part that has a score of its own and, unlike a cell, weighs by its size (MMLU).
  std::string subject = {};
  Part preamble = {};  // its own text before the demonstrations, after the scenario's instructions
  std::vector<FewShotExample> examples;  // its own demonstrations, in place of the scenario's
  // The grade of an output, in [0, 1]; null: an output is right when it equals one of `answers`.
  std::function<double(const std::string& output)> grade;
  // The whole program of an output, with its tests; its exit is the grade. Null: no program.
  std::function<std::string(const std::string& output)> program = {};
  // The score of valid behaviour that does not need the ability: a lower bound of chance.
  double baseline = 0;
  // Further numbers of an output, by the scenario's own indices; NaN where one does not apply.
  std::function<std::vector<double>(const std::string& output)> annotate;
};

}  // namespace lineage
