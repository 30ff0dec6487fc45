#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lineage/text/tokenizer.h"
#include "lineage/world/facts.h"
#include "lineage/world/item_split.h"
#include "lineage/world/probes/explanation.h"

namespace lineage {

// A worked demonstration for few-shot prompts; `chain` is empty where there is nothing to work out.
struct ProbeExample {
  std::vector<Token> question, chain, answer;
};

// One item of an ability's probe (docs/abilities.md, section 6), in tokens of the micro-world and
// without the tokens of any template. Knows nothing of models; eval/ makes its instances of these.
struct ProbeItem {
  std::string id;       // within its set
  std::string cell;     // sub-condition: a tier, a distance, a number of steps
  std::string cluster;  // items that stand and fall together; empty: alone
  std::vector<Token> question;
  // choose: the choices; generate: the accepted answers, the reference first.
  std::vector<std::vector<Token>> answers;
  int correct = 0;  // of the choices
  // Minimal pairs: choice i is answers[0] after contexts[i], in place of the question.
  std::vector<std::vector<Token>> contexts;
  std::vector<Token> chain;            // worked solution, without the answer
  std::vector<ProbeExample> examples;  // as many as the most shots that are asked for
  // How good a written answer is, in [0, 1]; null: 1 when it equals one of `answers`, else 0.
  std::function<double(std::span<const Token>)> check;
  double baseline = 0;  // what someone scores who does something valid without the ability
  // Further numbers of a written answer, as many as ProbeSet::details; NaN where one does not
  // apply.
  std::function<std::vector<double>(std::span<const Token>)> details;
};

// A further number of a written answer. Its mean stands under "SET.name", unless it is only a part
// of another number: of "SET.error_rate" are "right" and "wrong", steps of an answer.
struct ProbeDetail {
  enum class Values : uint8_t { shares, counts, differences };  // [0, 1], 0 and more, [-1, 1]
  std::string name, title;
  bool shown = true;
  Values values = Values::shares;
};

// A question set: item(world, index) is pure. Tests take indices from kFirstProbe up, the choice of
// templates (dev) and demonstrations further ones, so that no item is in two of them.
struct ProbeSet {
  enum class Method : uint8_t { choose, generate, likelihood };  // … of the reference alone

  std::string name;     // "A12.quantity.chain"
  std::string ability;  // "A12"
  std::string title;
  Explanation about = {};  // every set has one whose row stands by itself
  Method method = Method::generate;
  bool chain = false;       // the answer follows a chain of thought
  bool headline = true;     // of its ability; others show a condition
  int64_t n = 400;          // items asked
  int64_t max_tokens = 16;  // that an answer may take
  int shots = 0;            // of an item's examples, how many are shown
  // The first n items again with another number of demonstrations, as "NAME.k4".
  struct Condition {
    int shots;
    int64_t n;
  };
  std::vector<Condition> conditions = {};
  bool goes_on = false;    // the question is a text to go on with, also without a mark (stories)
  bool raw_only = false;   // … and no turn of a conversation
  double temperature = 0;  // 0: the likeliest answer
  int samples = 1;         // answers drawn of an item
  std::vector<ProbeDetail> details = {};
  std::function<ProbeItem(const World&, uint64_t index)> item;
};

}  // namespace lineage
