#pragma once

#include <cstdint>
#include <string>

#include "lineage/eval/instance.h"
#include "lineage/infer/language_model.h"

namespace lineage {

inline Sampling greedy(int64_t max_tokens) {
  Sampling s;
  s.temperature = 0, s.max_tokens = max_tokens;
  return s;
}

// The rendering of an instance as a prompt, and the extraction of an answer from an output.
struct PromptSpec {
  enum class Method : uint8_t {
    choose,     // the likeliest of the choices
    generate,   // the model writes the answer
    likelihood  // only the reference's probability is measured (perplexity)
  };
  enum class Template : uint8_t { raw, chat };
  enum class Reasoning : uint8_t { direct, chain };
  enum class Normalise : uint8_t { none, tokens, bytes };  // of a choice's log-probability
  // The sampled chains that count in the vote: the first alone; all (self-consistency, Wang et al.
  // 2023); those with the most steps (complexity-based, Fu et al. 2023).
  enum class Vote : uint8_t { first, majority, complexity };
  // The part of the output that is the answer: all of it, its first line, or as many words as the
  // reference has.
  enum class Form : uint8_t { all, first_line, first_words };
  // The equality of two written answers: the model's and an accepted one, or two that vote. Both
  // are normalised first, see canonical_answer().
  enum class Match : uint8_t {
    verbatim,  // as written; for scenarios with their own metric (the micro-world's)
    exact,     // up to white space and a final full stop
    bare,      // the same without quotes and punctuation around it
    squad,     // without case, punctuation and articles; numbers stay numbers
    number,    // the last number in it
    caseless   // without case and ASCII punctuation
  };
  // The tokens of an answer: at most those of `sampling`, or as many as the reference has.
  enum class Length : uint8_t { sampled, reference };

  Method method = Method::generate;
  Reasoning reasoning = Reasoning::direct;
  Normalise normalise = Normalise::none;
  int shots = 0;

  // raw: instructions, then for each example `before_question` question `before_answer` [chain
  // `chain_end`] answer `after_answer`, then the item's question. chat: the same as turns, without
  // the words between. A text answer follows after `answer_lead`.
  Part instructions;
  Part raw_opening;  // the beginning of such training documents; not in chat
  std::string before_question, before_answer = "\n", answer_lead = " ", after_answer = "\n\n";
  // raw: ends the answers of examples, as in the training text, unless they end so themselves; the
  // model's answer may end so, too.
  std::string raw_closing;
  std::string chain_lead;                       // "Let's think step by step."
  std::string chain_end = " So the answer is";  // separates the chain from the answer
  std::string step_mark = "\n";                 // separates its steps

  Sampling sampling = greedy(32);
  Form form = Form::all;
  Match match = Match::verbatim;
  Length length = Length::sampled;
  int samples = 1;
  Vote vote = Vote::first;
  int voters = 0;  // complexity: number of chains that vote; 0: half
};

}  // namespace lineage
