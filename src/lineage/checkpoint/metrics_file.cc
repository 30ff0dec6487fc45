#include "lineage/checkpoint/metrics_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "lineage/base/error.h"
#include "lineage/base/file.h"

namespace lineage {
namespace {

constexpr std::string_view kHeldout = "heldout_";

// The fields of a line that have keys of their own.
template <class Line, class Field>
void each_field(Line& line, const Field& field) {
  field("lr", line.lr);
  field("grad_norm", line.grad_norm);
  field("tokens_per_s", line.tokens_per_s);
  field("mfu", line.mfu);
}

std::optional<MetricsLine> parse_line(const std::string& text) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object() || !object.contains("tokens") || !object["tokens"].is_number_integer())
    return std::nullopt;
  MetricsLine line;
  line.step = object.value("step", int64_t{0});
  line.tokens = object["tokens"];
  const auto read = [&](const char* key, std::optional<double>& value) {
    if (const auto it = object.find(key); it != object.end() && it->is_number()) value = *it;
  };
  each_field(line, read);
  if (const auto it = object.find("event"); it != object.end() && it->is_string()) line.event = *it;
  for (const auto& [key, value] : object.items()) {
    bool own = key == "step" || key == "tokens";
    each_field(line, [&](const char* name, const auto&) { own = own || key == name; });
    if (!own && value.is_number()) line.values[MetricName::parse(key)] = value;
  }
  return line;
}

std::string line_text(const MetricsLine& line) {
  nlohmann::json object;
  for (const auto& [name, value] : line.values) object[name.text()] = value;
  object["step"] = line.step;
  object["tokens"] = line.tokens;
  each_field(line, [&](const char* key, const std::optional<double>& value) {
    if (value) object[key] = *value;
  });
  if (!line.event.empty()) object["event"] = line.event;
  return object.dump();
}

}  // namespace

std::string MetricName::text() const {
  return (heldout ? std::string(kHeldout) : "") + metric + (part.empty() ? "" : "/" + part);
}

MetricName MetricName::parse(const std::string& text) {
  MetricName name;
  name.heldout = text.starts_with(kHeldout);
  const std::string rest = text.substr(name.heldout ? kHeldout.size() : 0);
  const size_t slash = rest.find('/');
  name.metric = rest.substr(0, slash);
  if (slash != std::string::npos) name.part = rest.substr(slash + 1);
  return name;
}

MetricsWriter::MetricsWriter(std::filesystem::path path, int64_t resumed_step)
    : path_(std::move(path)) {
  std::string kept;
  if (std::ifstream old(path_); old)
    for (std::string text; std::getline(old, text);)
      // A line cut by a kill does not parse; its step is repeated.
      if (const auto line = parse_line(text); line && line->step <= resumed_step)
        kept += text + "\n";
  write_file_atomic(path_, kept);
  out_.open(path_, std::ios::app);
  if (!out_) throw Error(path_.string() + ": cannot append to the metrics");
}

void MetricsWriter::write(const MetricsLine& line) {
  if (!out_.is_open()) return;
  const std::string text = line_text(line);
  errno = 0;
  out_ << text << '\n' << std::flush;
  if (!out_)
    throw Error(fmt::format("{}: cannot write {} bytes: {}", path_.string(), text.size() + 1,
                            std::strerror(errno ? errno : EIO)),
                "free some space on this disk and run it again; it goes on from the last state");
}

std::vector<MetricsLine> read_metrics_file(const std::filesystem::path& file) {
  std::vector<MetricsLine> lines;
  if (!std::filesystem::exists(file)) return lines;
  const std::string text = read_file(file);
  int64_t number = 0;
  for (size_t at = 0; at < text.size();) {
    ++number;
    const size_t end = text.find('\n', at);
    const bool whole = end != std::string::npos;
    const auto line = parse_line(text.substr(at, whole ? end - at : std::string::npos));
    if (line)
      lines.push_back(*line);
    else
      require(!whole, file.string(), ":", number,
              ": no JSON object with tokens; wanted a line of metrics");
    at = whole ? end + 1 : text.size();
  }
  return lines;
}

std::optional<MetricsLine> last_metrics_line(const std::filesystem::path& file) {
  constexpr std::streamoff kEnd = 1 << 16;  // lines are far shorter
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return std::nullopt;
  const std::streamoff size = in.tellg();
  std::string text(static_cast<size_t>(std::min(size, kEnd)), '\0');
  in.seekg(size - static_cast<std::streamoff>(text.size()));
  if (!in.read(text.data(), static_cast<std::streamsize>(text.size()))) return std::nullopt;
  while (!text.empty()) {
    const size_t before = text.find_last_of('\n');
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    if (auto line = parse_line(text.substr(begin))) return line;
    text.resize(before == std::string::npos ? 0 : before);
  }
  return std::nullopt;
}

}  // namespace lineage
