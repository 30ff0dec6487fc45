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

// How an instance becomes a prompt, and a model's output an answer.
struct PromptSpec {
  enum class Method : uint8_t {
    choose,     // the likeliest of the choices
    generate,   // the model writes the answer
    likelihood  // only the reference's probability is asked for (perplexity)
  };
  enum class Template : uint8_t { raw, chat };
  enum class Reasoning : uint8_t { direct, chain };
  enum class Normalise : uint8_t { none, tokens, bytes };  // of a choice's log-probability
  // Who votes when several chains are drawn: the first alone; all (self-consistency, Wang et al.
  // 2023); those with the most steps (complexity-based, Fu et al. 2023).
  enum class Vote : uint8_t { first, majority, complexity };
  // What part of the output is the answer: all of it, its first line, or as many words as the
  // reference has.
  enum class Form : uint8_t { all, first_line, first_words };
  // When two written answers are the same one: the model's and an accepted one, or two that vote.
  // Both are brought into the same form first, see canonical_answer().
  enum class Match : uint8_t {
    verbatim,  // as written; where a scenario's own metric judges (the micro-world's)
    exact,     // but for white space and a full stop at the end
    bare,      // the same without quotes and punctuation around it
    squad,     // without case, punctuation and articles; numbers stay numbers
    number     // the last number in it
  };

  Method method = Method::generate;
  Reasoning reasoning = Reasoning::direct;
  Normalise normalise = Normalise::none;
  int shots = 0;

  // raw: instructions, then for each example `before_question` question `before_answer` [chain
  // `chain_end`] answer `after_answer`, then the item's question. chat: the same as turns, without
  // the words between. A text answer follows after `answer_lead`.
  Part instructions;
  Part raw_opening;  // how the training documents of such text begin; not in chat
  std::string before_question, before_answer = "\n", answer_lead = " ", after_answer = "\n\n";
  // raw: ends the answers of examples that do not end so themselves, as it does in the text that
  // the model has read; an answer may end so, too.
  std::string raw_closing;
  std::string chain_lead;                       // "Let's think step by step."
  std::string chain_end = " So the answer is";  // parts the chain from the answer
  std::string step_mark = "\n";                 // parts its steps

  Sampling sampling = greedy(32);
  Form form = Form::all;
  Match match = Match::verbatim;
  int samples = 1;
  Vote vote = Vote::first;
  int voters = 0;  // complexity: so many chains vote; 0: half
};

}  // namespace lineage
