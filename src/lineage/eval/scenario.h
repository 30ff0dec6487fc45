#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/eval/statistics.h"
#include "lineage/infer/language_model.h"
#include "lineage/world/probes/explanation.h"

namespace lineage {

// A piece of a prompt: text, which the tokenizer of the model asked reads and which holds no
// special tokens whatever it says. A scenario that is bound to one vocabulary gives the tokens too.
struct Part {
  std::string text;
  std::vector<Token> tokens;
  bool empty() const { return text.empty() && tokens.empty(); }
  bool operator==(const Part&) const = default;
};
inline Part text_part(std::string text) { return {.text = std::move(text), .tokens = {}}; }
inline Part token_part(std::vector<Token> tokens, std::string text = {}) {
  return {.text = std::move(text), .tokens = std::move(tokens)};
}

// A question with its answer and, for chains of thought, the worked solution that leads to it.
struct Shot {
  Part question, chain, answer;
};

// One item. What it asks is the same for every model, so that models are compared item by item.
struct Instance {
  std::string id;       // within its scenario
  std::string cell;     // sub-condition (a tier, a distance); the headline is the mean over cells
  std::string cluster;  // items that fail together (an entity, a template, a passage); empty: alone
  Part question;
  // choose: the choices; else the accepted answers, the first being the reference.
  std::vector<Part> answers;
  int correct = 0;  // of the choices
  // Schemas (Winograd): choice i is answers[0] after contexts[i] instead of the question.
  std::vector<Part> contexts;
  Part chain;                  // worked solution, without the answer
  std::vector<Shot> examples;  // its own demonstrations, in place of the scenario's
  // How good an output is, in [0, 1], where equality with `answers` is not the measure.
  std::function<double(const std::string& output)> check;
  // What someone scores who does something valid without the ability: a lower bound of chance.
  double baseline = 0;
  // Further numbers of an output, in an order that the scenario's measures know; NaN where one does
  // not apply to the item.
  std::function<std::vector<double>(const std::string& output)> details;
};

inline Sampling greedy(int64_t max_tokens) {
  Sampling s;
  s.temperature = 0, s.max_tokens = max_tokens;
  return s;
}

// How an instance becomes a prompt, and the model's words an answer.
struct Prompting {
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

// One of several answers that were drawn.
struct DrawnAnswer {
  std::string output, answer;
  int64_t steps = 0;  // of its chain
};

// What a model made of an instance. Kept, so that metrics are computed again without the model.
struct Prediction {
  std::string output;  // generated, the voted one's; or the chosen choice
  std::string answer;  // taken from it
  int chosen = -1;
  std::vector<double> scores;  // of the choices, normalised; equal ones are ties
  // The graded metric: nats a token of the reference (of the chain and the answer when reasoning).
  double log_prob = 0;
  double answer_log_prob = 0;  // of the answer's tokens alone, after the reference chain
  // Format-leak diagnostic: of `choose`, the probability that the answer is one of the choices; of
  // `generate`, 1 when the output ended by itself and had an answer in it.
  double format = 0;
  std::vector<DrawnAnswer> samples;  // where several were drawn
  bool truncated = false;            // examples or the left end of the prompt were cut to fit
  bool fits = true;  // false: not even the answer fits; such an item counts for nothing
};

// A headline metric: a share, of an item.
struct Metric {
  std::string name;
  std::function<double(const Instance&, const Prediction&)> score;
  bool open = false;  // counts answers beside those that the item lists
};

// What a measure says of some items. `graded` is as a prediction's log_prob, or has n = 0.
struct Measured {
  Estimate headline, graded = {};
  double chance = 0;
};

// A further number from the same predictions, which need not be a mean over items: AUROC, Youden's
// J, pass@10. It has score rows of its own, under its name.
struct Measure {
  std::string name;  // as of a scenario: "A12.quantity.chain.steps"
  std::string title, metric;
  MetricKind kind = MetricKind::share;
  bool headline = false;   // of its ability
  bool by_cell = true;     // else of all items only
  Explanation about = {};  // where its row stands by itself
  // Of items that all fit; none where it cannot be told of these (of one class only).
  std::function<std::optional<Measured>(std::span<const Instance>, std::span<const Prediction>)> of;
};

// Examples are for demonstrations, dev for choosing a template, test for the score. No item is in
// two of them.
enum class ItemSet : uint8_t { examples, dev, test };

// "Not measurable here" unless the model has at least this score in another scenario.
struct Gate {
  std::string scenario, cell;
  double minimum = 0;
  bool empty() const { return scenario.empty(); }
};

struct ScenarioSpec {
  std::string name;     // "A05.binding.k4"
  std::string ability;  // "A05"
  std::string title;
  Metric metric;
  MetricKind kind = MetricKind::share;  // of the metric
  Prompting prompting;
  std::vector<Prompting::Template> templates = {Prompting::Template::raw};  // the better one on dev
  int64_t n = 0;         // test items unless asked otherwise
  bool headline = true;  // of its ability; others show a condition
  Gate gate = {};
  std::vector<Measure> measures = {};
};

// A question set. Knows nothing of models.
class Scenario {
 public:
  explicit Scenario(ScenarioSpec spec) : spec_(std::move(spec)) {}
  virtual ~Scenario() = default;
  const ScenarioSpec& spec() const { return spec_; }
  // Up to n items of a set, always the same and in the same order: the first n of them.
  virtual std::vector<Instance> items(ItemSet, int64_t n) const = 0;

 protected:
  ScenarioSpec spec_;
};

}  // namespace lineage
