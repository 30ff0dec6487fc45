#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/eval/metric_info.h"

namespace lineage {

// The content of a report on one family tree: plain data, the same as its JSON document
// (docs/formats.md, "report.json"), so that a report can be rendered again without the run folder.

struct ReportSource {
  std::string name, kind, licence;
  int64_t documents = 0, tokens = 0;  // of the source
  int64_t trained = 0;                // tokens trained on, repeats included
  double epochs = 0;
  std::string digest;
};

// One model: a node as grown from one seed.
struct GrownModel {
  uint64_t seed = 0;
  std::string weights, identity;
  std::string created;            // UTC, ISO 8601
  std::string code;               // version of the program
  std::optional<double> seconds;  // of training
};

// A command behind the report's numbers: `lineage grow`, with its time, or `lineage eval`.
struct ReportRun {
  std::string command, machine, code;
  std::string started;            // UTC, ISO 8601
  std::optional<double> seconds;  // none: not known
};

struct ReportNode {
  std::string name, stage;
  std::string kind, title, about;    // of the stage: base, tuned or feedback; texts
  std::vector<std::string> parents;  // names; the first gave the weights
  bool control = false;
  std::string control_of;  // the node that this one is compared with; empty: none in particular
  int64_t parameters = 0, layers = 0, width = 0, context = 0;
  int64_t tokens = 0, steps = 0;  // of this stage
  std::string config, tokenizer;  // frozen TOML; digest
  std::vector<ReportSource> data;
  std::vector<GrownModel> grown;  // by seed
};

// A row of the heat map: a row of its own, or one of the finer rows that such a row opens to: a
// cell of it (a tier, a distance, a family of instructions) or another condition of its ability (k
// shots, direct against chain of thought).
struct ReportAbility {
  std::string id;              // unique in the report
  std::string ability;         // "A05"
  std::string of;              // id of the row that opens to this one; empty: a row of its own
  std::string scenario, name;  // "A05.binding.k4"; its title
  std::string label;           // for a table: ability and title; of a finer row the title
  std::string metric, unit;    // "accuracy"; "words", empty: a pure number
  Better better = Better::higher;
  std::optional<double> target;  // of Better::nearest
  std::optional<double> chance;  // measured; none: the metric has none
  double low = 0, high = 1;      // of an axis: the metric's range, if finite
  std::string log_likelihood;    // the log-likelihood with its unit; empty: none
};

// An item of a row as an example; abilities/scenario_guide.h describes the fields.
struct ReportExample {
  std::string prompt = {}, chat = {};
  std::vector<std::string> choices = {};
  int64_t choice_count = 0;
  std::string chain = {}, answer = {};
};

// The meaning of a row of its own: whole sentences, empty where there is nothing to say
// (eval/explanation.h).
struct ReportExplanation {
  std::string ability;  // the row's id
  std::string measures, chance, low, accepts, parts;
  std::optional<ReportExample> example;
};

struct Interval {
  double value = 0, low = 0, high = 0;
  bool operator==(const Interval&) const = default;
};

struct ReportScore {
  std::string node, ability;  // `ability`: a row's id
  // The basis of claims: over seeds and items with several seeds, over items with one. None: not
  // measurable here, for the reason in `not_measurable`.
  std::optional<Interval> score;
  std::optional<Interval> items;  // over items alone: no evidence about another seed
  std::optional<Interval> log_likelihood;
  std::optional<double> format;                 // share of well-formed answers, see docs/formats.md
  int64_t n = 0;                                // items of a seed
  std::vector<std::optional<double>> per_seed;  // scores, in the report's order of seeds
  std::string prompting, not_measurable;
  bool at_chance = false;       // the interval reaches chance
  std::optional<double> skill;  // -1 to 1: of the way from chance to the best possible score; none:
                                // the metric has no best score
};

// A difference at the report's confidence, in the direction of its metric.
enum class Change : uint8_t {
  open,    // not significant: the interval holds 0
  small,   // significant, but rounded to .00 where it is shown
  better,  // significant
  worse,
  other  // significant, and no direction is better
};

// How a node differs from its parent, or from its control: paired over items and seeds.
enum class ContrastKind : uint8_t { parent, control };
struct ReportContrast {
  std::string node, parent, ability;  // node - parent, which may be a control
  ContrastKind kind = ContrastKind::parent;
  Interval difference;         // over seeds and items with several seeds, over items with one
  Interval items;              // over items alone
  double p = 1;                // of no difference, by the method of `difference`
  std::optional<double> holm;  // p adjusted for all headline rows of this pair; none: a finer row
  int64_t n = 0, seeds = 0;
  Change change = Change::open;
};

// All contrasts of one pair of nodes by rows of their own, the greatest improvement first, rows
// without a direction last.
struct ReportEdge {
  std::string node, from;  // `from`: its parent, or a control
  ContrastKind kind = ContrastKind::parent;
  std::vector<size_t> contrasts;  // indices into the report's
};

// A metric of one node and seed along its own stage, thinned for drawing.
struct ReportCurve {
  std::string node;
  uint64_t seed = 0;
  std::string metric;  // "loss", in nats a token; or one of the stage's own
  std::string tag;     // a part of the data; empty: all of it
  bool heldout = false;
  std::vector<int64_t> tokens;
  std::vector<double> values;
};

// A skipped step or a warning of a node's training.
struct ReportEvent {
  std::string node;
  uint64_t seed = 0;
  int64_t step = 0;
  std::string text;
};

// A mean over `n` requests, or a share of `n` pairs.
struct CountedInterval {
  double value = 0, low = 0, high = 0;
  int64_t n = 0;
};

// Held-out pairs of answers that a reward model orders rightly: of a kind of request, or of those
// that differ most in a term of the utility.
struct RewardPart {
  std::string id;  // a word's
  CountedInterval right;
  std::optional<CountedInterval> length_only;  // by a model that knows the answers' length alone
};

// Of pairs with about one predicted probability, the share in which the better answer was seen to
// be the one with more reward.
struct CalibrationPoint {
  double predicted = 0, seen = 0;
  int64_t n = 0;
};

// What a reward model of one seed orders rightly.
struct ReportReward {
  std::string node;
  uint64_t seed = 0;
  double agreement = 0, noise = 0;         // of two annotators; 0: people, in files
  std::optional<CountedInterval> labels;   // pairs in the annotators' order
  std::optional<CountedInterval> utility;  // in the order of the utility, which has no noise
  std::optional<CountedInterval> length_only;
  std::vector<RewardPart> kinds, terms;
  std::vector<CalibrationPoint> calibration;
};

struct BeforeAfter {
  double parent = 0, model = 0;
};

// Means over held-out requests, by one measure of answers: the reward that was learned from, or the
// gold utility. `best_of_4`: of the parent's answers, chosen by the reward. `win_rate`: requests
// whose answer is worth more than the parent's; ties count a half.
struct AnswerMeans {
  std::string measure;  // "reward", "gold"
  CountedInterval parent, model, best_of_4, win_rate, model_less_parent, model_less_best_of_4;
};

// How often answers to `n` requests of a kind hold each behaviour.
struct BehaviourRate {
  std::string id;  // a word's
  BeforeAfter share;
};
struct KindRates {
  std::string id;  // a word's
  int64_t n = 0;
  BeforeAfter utility;
  std::vector<BehaviourRate> behaviours;
};

// What learning from feedback changed in a model of one seed.
struct ReportFeedback {
  std::string node;
  uint64_t seed = 0;
  std::vector<AnswerMeans> answers;
  std::optional<BeforeAfter> length;  // tokens an answer
  std::optional<BeforeAfter> text;    // loss on held-out pretraining text, nats a token
  std::vector<KindRates> kinds;
};

// A kind of request, a behaviour or a term of the utility, for readers.
struct ReportWord {
  std::string id, name, about;
};

struct SampleAnswer {
  std::string node, text;
  std::optional<bool> correct;
};

struct ReportSample {
  std::string ability, prompt, wanted;
  std::vector<SampleAnswer> answers;
};

struct Report {
  std::string name;             // of the recipe
  std::string created, code;    // of this report
  std::string recipe;           // TOML as merged
  std::vector<ReportRun> runs;  // oldest first
  double confidence = 0.95;     // of every interval
  std::vector<uint64_t> seeds;
  std::vector<ReportNode> nodes;  // parents before children
  std::vector<ReportAbility> abilities;
  std::vector<ReportExplanation> explanations;  // of the headline rows that have one
  std::vector<ReportScore> scores;
  std::vector<ReportContrast> contrasts;
  std::vector<ReportEdge> edges;  // by node; from its parent, then from its controls
  std::vector<ReportCurve> curves;
  std::vector<ReportEvent> events;
  std::vector<ReportReward> rewards;  // by node, then seed, as feedback
  std::vector<ReportFeedback> feedback;
  std::vector<ReportWord> words;  // those that rewards and feedback use
  std::vector<ReportSample> samples;
  std::vector<std::string> notes;
};

// The JSON document. Infinite ends of intervals become the metric's own limits, invalid UTF-8
// becomes U+FFFD. `indent` < 0: one line.
std::string report_json(const Report&, int indent = 1);
// `place` names the file in errors.
Report parse_report(std::string_view json, const std::string& place);
// Whether a file of this content is a report: the JSON, the page or the Markdown. A report
// overwrites nothing else.
bool is_report(std::string_view content);

// One HTML file that holds its data, styles and code. Throws if the program was built without the
// page (see page.h).
std::string report_html(const Report&);

// For a terminal: the tree, a table of abilities x nodes with half-widths of the intervals, and
// each stage's gains and losses. No line is wider than `columns` except for names that cannot be
// broken.
struct TextStyle {
  bool colour = false;  // ANSI, 24 bit
  int columns = 80;     // the table is cut into pieces that fit
  // Abilities or rows to expand into their finer rows and to explain; or "all".
  std::vector<std::string> open;
};
std::string report_text(const Report&, const TextStyle& = {});

// The same for a page of docs/results: tables of scores with both intervals, contrasts of every
// edge, provenance with commands.
std::string report_markdown(const Report&);

// The report on a run folder (stages/grow.h) or on one of its trees, OUT/trees/RECIPE: nodes,
// curves and what feedback changed from the checkpoints, scores from the evaluation database if
// there is one. A run with several trees needs `tree`, the name of one.
Report gather_report(const std::filesystem::path& run, const std::string& tree = "");
// The same without what the database of scores has, which takes most of the time.
Report gather_tree(const std::filesystem::path& run, const std::string& tree = "");

}  // namespace lineage
