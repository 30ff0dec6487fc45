#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// Everything that a report shows of one family tree; plain data, and the same as its JSON document
// (docs/formats.md, "report.json"), so that a report can be drawn again without the run folder.

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
  std::string machine, command;
};

struct ReportNode {
  std::string name, stage;
  std::vector<std::string> parents;  // names; the first gave the weights
  bool control = false;
  int64_t parameters = 0, layers = 0, width = 0, context = 0;
  int64_t tokens = 0, steps = 0;  // of this stage
  std::string config, tokenizer;  // frozen TOML; digest
  std::vector<ReportSource> data;
  std::vector<GrownModel> grown;  // by seed
};

struct ReportAbility {
  std::string id, name;
  std::string metric;            // what the headline counts
  std::optional<double> chance;  // measured; none: the metric has no such floor
  double low = 0, high = 1;      // the metric's range
  std::string graded;            // the graded metric with its unit; empty: none
};

struct Interval {
  double value = 0, low = 0, high = 0;
  bool operator==(const Interval&) const = default;
};

struct ReportScore {
  std::string node, ability;
  std::optional<Interval> headline;  // none: not measurable here, and `gate` says why
  std::optional<Interval> graded;
  int64_t n = 0;                 // items of a seed
  std::vector<double> per_seed;  // headline of each seed, in the report's order
  std::string prompting, gate;
};

// Child - parent, paired over items (and seeds).
struct ReportContrast {
  std::string node, parent, ability;
  Interval difference;
  double p = 1;
  int64_t n = 0, seeds = 0;
};

// Losses of one node and seed along its own stage, thinned for drawing.
struct ReportCurve {
  std::string node;
  uint64_t seed = 0;
  std::string tag;  // empty: all tokens
  bool heldout = false;
  std::vector<int64_t> tokens;
  std::vector<double> loss;  // nats a token
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
  std::string name;                      // of the recipe
  std::string created, code;             // of this report
  std::string command, machine, recipe;  // of the run; recipe: TOML as merged
  double seconds = 0;                    // of the run; 0: not known
  double confidence = 0.95;              // of every interval
  std::vector<uint64_t> seeds;
  std::vector<ReportNode> nodes;  // parents before children
  std::vector<ReportAbility> abilities;
  std::vector<ReportScore> scores;
  std::vector<ReportContrast> contrasts;
  std::vector<ReportCurve> curves;
  std::vector<ReportSample> samples;
  std::vector<std::string> notes;
};

// The JSON document. Infinite ends of intervals come out as the metric's own limits, invalid UTF-8
// as U+FFFD. `indent` < 0: one line.
std::string report_json(const Report&, int indent = 1);
// `place` names the file in errors.
Report parse_report(std::string_view json, const std::string& place);

// One HTML file that holds its data, styles and code. Throws where the program was built without
// the page (see page.h).
std::string report_html(const Report&);

// For a terminal: the tree, then a table of abilities x nodes.
struct TextStyle {
  bool colour = false;  // ANSI, 24 bit
  int columns = 100;    // the table is cut into pieces that fit
};
std::string report_text(const Report&, const TextStyle& = {});

// What is known of a run folder (stages/grow.h) or of one of its trees, OUT/trees/RECIPE: nodes and
// curves from the checkpoints, scores from the evaluation database where there is one. A run with
// several trees wants `tree`, the name of one.
Report gather_report(const std::filesystem::path& run, const std::string& tree = "");

}  // namespace lineage
