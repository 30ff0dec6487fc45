#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lineage {

// A number that a stage measures. As a key of metrics.jsonl: [heldout_]METRIC[/PART], as in "loss",
// "heldout_loss/books/grammar".
struct MetricName {
  std::string metric;    // "loss"
  bool heldout = false;  // measured on data held out of training
  std::string part{};    // of the data: a source, or SOURCE/LABEL; empty: all of it
  std::string text() const;
  static MetricName parse(const std::string& text);
  auto operator<=>(const MetricName&) const = default;
};
using MetricValues = std::map<MetricName, double>;

// One line of a node's metrics.jsonl (docs/formats.md): a step of training, or a measurement.
struct MetricsLine {
  int64_t step = 0, tokens = 0;  // both counted up to here
  // Of a step: diagnostics that no score of a model uses.
  std::optional<double> lr{}, grad_norm{}, tokens_per_s{}, mfu{};
  std::string event{};    // such as a step that was skipped; empty: none
  MetricValues values{};  // each is a curve of the report
};

// Writes metrics.jsonl; lines are flushed one by one. A run that resumes after `step` drops the
// lines of later steps, since it repeats them. Used by one thread of rank 0.
class MetricsWriter {
 public:
  MetricsWriter() = default;  // discards
  MetricsWriter(std::filesystem::path, int64_t resumed_step);
  void write(const MetricsLine&);

 private:
  std::filesystem::path path_;
  std::ofstream out_;
};

// All lines. A last line that was cut off is left out; any other bad line is an Error with its
// number. No file: none.
std::vector<MetricsLine> read_metrics_file(const std::filesystem::path&);

// The last whole line, found without reading the lines before it; none: no file, or no such line.
std::optional<MetricsLine> last_metrics_line(const std::filesystem::path&);

}  // namespace lineage
