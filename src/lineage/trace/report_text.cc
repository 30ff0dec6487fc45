#include <fmt/color.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lineage/trace/edges.h"
#include "lineage/trace/report.h"

namespace lineage {
namespace {

// Columns that a text takes, for the letters and signs that stand in a report.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(std::string text, size_t width, bool right = false) {
  const size_t seen = width_of(text);
  const std::string space(width > seen ? width - seen : 0, ' ');
  return right ? space + text : text + space;
}

std::string count(double value) {
  for (const auto& [from, unit, suffix] :
       {std::tuple(1e9, 1e9, "B"), std::tuple(1e5, 1e6, "M"), std::tuple(1e3, 1e3, "k")})
    if (value >= from) return fmt::format("{:.3g}{}", value / unit, suffix);
  return fmt::format("{}", value);
}

// ".83", "−.05": scores stand in narrow columns.
std::string score(double value) {
  const std::string text = fmt::format("{:.2f}", std::abs(value));
  const std::string tail = text.starts_with("0") ? text.substr(1) : text;
  return (value < 0 && tail != ".00" ? "−" : "") + tail;
}

std::string data_line(const ReportNode& node) {
  int64_t all = 0;
  for (const ReportSource& s : node.data) all += s.trained;
  std::vector<const ReportSource*> sources;
  for (const ReportSource& s : node.data) sources.push_back(&s);
  std::ranges::stable_sort(sources, std::greater(), &ReportSource::trained);
  std::string line;
  for (const ReportSource* s : sources) {
    if (!line.empty()) line += ", ";
    line += s->name;
    if (sources.size() > 1 && all > 0)
      line += fmt::format(" {:.0f} %",
                          100.0 * static_cast<double>(s->trained) / static_cast<double>(all));
  }
  return line;
}

std::string machine_of(const Report& report) {
  for (const ReportRun& r : report.runs)
    if (!r.machine.empty()) return r.machine;
  return "";
}

using Children = std::map<std::string, std::vector<const ReportNode*>>;

// By the parent that gave the weights; "" has the roots.
Children children_of(const Report& report) {
  std::map<std::string, bool> known;
  for (const ReportNode& n : report.nodes) known[n.name] = true;
  Children children;
  for (const ReportNode& n : report.nodes)
    children[!n.parents.empty() && known.contains(n.parents[0]) ? n.parents[0] : ""].push_back(&n);
  return children;
}

struct TreeLine {
  std::string branch;
  const ReportNode* node;
};

void walk(const Children& children, const std::string& parent, const std::string& indent,
          std::vector<TreeLine>& lines) {
  const auto it = children.find(parent);
  if (it == children.end()) return;
  for (size_t i = 0; i < it->second.size(); ++i) {
    const ReportNode* node = it->second[i];
    const bool root = parent.empty(), last = i + 1 == it->second.size();
    lines.push_back({root ? "" : indent + (last ? "└─ " : "├─ "), node});
    walk(children, node->name, root ? "" : indent + (last ? "   " : "│  "), lines);
  }
}

class Writer {
 public:
  Writer(const Report& report, const TextStyle& style) : report_(report), style_(style) {
    walk(children_of(report), "", "", lines_);
    for (const ReportScore& s : report.scores) scores_[{s.node, s.ability}] = &s;
    for (const ReportContrast& c : report.contrasts)
      if (c.kind == ContrastKind::parent) contrasts_[{c.node, c.ability}] = &c;
    for (const ReportAbility& a : report.abilities)
      if (a.of.empty() || opened(a)) rows_.push_back(&a);
  }

  std::string text() {
    heading();
    tree();
    if (!report_.scores.empty()) table();
    if (!report_.contrasts.empty()) edges();
    return std::move(out_);
  }

 private:
  std::string styled(const std::string& text, fmt::text_style style) const {
    return style_.colour ? fmt::format(style, "{}", text) : text;
  }

  void heading() {
    out_ += styled(report_.name, fmt::emphasis::bold);
    out_ += fmt::format(" · {} model{} · {} seed{}", report_.nodes.size(),
                        report_.nodes.size() == 1 ? "" : "s", report_.seeds.size(),
                        report_.seeds.size() == 1 ? "" : "s");
    if (const auto machine = machine_of(report_); !machine.empty()) out_ += " · " + machine;
    out_ += "\n\n";
  }

  void tree() {
    size_t name = 0, stage = 0;
    for (const TreeLine& l : lines_) {
      name = std::max(name, width_of(l.branch) + l.node->name.size());
      stage = std::max(stage, stage_of(*l.node).size());
    }
    for (const TreeLine& l : lines_) {
      const ReportNode& n = *l.node;
      const size_t used = width_of(l.branch) + n.name.size();
      out_ += l.branch + styled(n.name, fmt::emphasis::bold) + std::string(name - used + 2, ' ');
      out_ += padded(stage_of(n), stage + 2);
      out_ += padded(count(static_cast<double>(n.parameters)), 7, true) + "  ";
      out_ +=
          padded((n.parents.empty() ? "" : "+") + count(static_cast<double>(n.tokens)), 7, true);
      out_ += " tokens  " + data_line(n) + "\n";
    }
  }

  static std::string stage_of(const ReportNode& n) {
    if (!n.control) return n.stage;
    return n.stage + ", control" + (n.control_of.empty() ? "" : " of " + n.control_of);
  }

  static constexpr size_t kCell = 9, kAbility = 30, kChance = 7;

  void table() {
    const size_t room = static_cast<size_t>(std::max(0, style_.columns));
    const size_t fit = room > kAbility + kChance ? (room - kAbility - kChance) / kCell : 1;
    for (size_t from = 0; from < lines_.size(); from += std::max<size_t>(1, fit))
      piece(from, std::min(lines_.size(), from + std::max<size_t>(1, fit)));
    out_ += "\n▲ ▼ better, worse than the parent · ≈ not told apart from chance";
    if (std::ranges::any_of(report_.scores, [](const auto& s) { return !s.headline; }))
      out_ += " · ## not measurable here";
    out_ += fmt::format(
        "\n± half-width of the {:.0f} % interval over items{}\n", 100 * report_.confidence,
        several() ? fmt::format(", then over items and {} seeds", report_.seeds.size()) : "");
    const auto finer = report_.abilities.size() - rows_.size();
    if (finer > 0) out_ += fmt::format("{} finer rows: --open A05, or --open all\n", finer);
  }

  bool several() const { return report_.seeds.size() > 1; }

  // Whether a finer row is asked for: by the ability, or by the row it stands below.
  bool opened(const ReportAbility& a) const {
    return std::ranges::any_of(style_.open, [&](const std::string& open) {
      return open == "all" || open == a.ability || open == a.of;
    });
  }

  // "davinci -> code-davinci-002 gave A10 functions +.31, took A01 grammar −.04", largest first.
  void edges() {
    out_ += "\n";
    for (const TreeLine& line : lines_)
      for (const ReportEdge& e : edges_to(report_, line.node->name)) edge(e);
    out_ +=
        "Gave and took: intervals clear of 0; * also after Holm's adjustment within the list.\n";
  }

  void edge(const ReportEdge& of) {
    std::vector<std::string> gave, took;
    for (const auto& [c, a] : of.rows) {
      constexpr double kAlpha = 0.05;
      const double value = c->difference.value;
      const std::string text =
          fmt::format("{} {} {}{}{}", a->ability, a->name, value > 0 ? "+" : "", score(value),
                      c->holm.value_or(1) <= kAlpha ? "*" : "");
      if (c->difference.low > 0) gave.push_back(text);
      if (c->difference.high < 0) took.insert(took.begin(), text);
    }
    const size_t open = of.rows.size() - gave.size() - took.size();
    out_ += styled(fmt::format("{}{} → {}", of.kind == ContrastKind::control ? "control " : "",
                               of.from, of.node),
                   fmt::emphasis::bold) +
            "\n";
    if (!gave.empty()) out_ += fmt::format("  gave  {}\n", fmt::join(gave, ", "));
    if (!took.empty()) out_ += fmt::format("  took  {}\n", fmt::join(took, ", "));
    if (open > 0)
      out_ += fmt::format("  not told apart from no change: {} of {}\n", open, of.rows.size());
  }

  void piece(size_t from, size_t to) {
    out_ += "\n";
    std::vector<std::vector<std::string>> heads;
    size_t height = 0;
    for (size_t i = from; i < to; ++i) {
      heads.push_back(wrapped(lines_[i].node->name));
      height = std::max(height, heads.back().size());
    }
    for (size_t row = 0; row < height; ++row) {
      std::string line = padded("", kAbility) + padded(row + 1 == height ? "chance" : "", kChance);
      for (const auto& head : heads) {
        const size_t skip = height - head.size();
        line += padded(row < skip ? "" : head[row - skip], kCell, true);
      }
      out_ += trimmed(line) + "\n";
    }
    for (const ReportAbility* a : rows_) {
      std::string line = padded(label(*a), kAbility);
      line += padded(a->chance ? score(*a->chance) : "", kChance);
      std::string below(kAbility + kChance, ' ');
      for (size_t i = from; i < to; ++i) {
        line += cell(*lines_[i].node, *a);
        below += padded(half_widths(*lines_[i].node, *a), kCell, true);
      }
      out_ += trimmed(line) + "\n" + styled(trimmed(below), fmt::emphasis::faint) + "\n";
    }
  }

  // Cut to its column; the names of finer rows are set in.
  static std::string label(const ReportAbility& a) {
    const std::string text = a.of.empty() ? a.ability + " " + a.name : "  " + a.name;
    std::string cut;
    size_t columns = 0;
    for (const char c : text) {
      if ((static_cast<unsigned char>(c) & 0xC0) != 0x80 && ++columns >= kAbility - 1)
        return cut.substr(0, cut.find_last_not_of(' ') + 1) + "…";
      cut += c;
    }
    return cut;
  }

  // "±.03", or with several seeds "±.03 .11": over items, and over items and seeds.
  std::string half_widths(const ReportNode& node, const ReportAbility& ability) const {
    const auto it = scores_.find({node.name, ability.id});
    if (it == scores_.end() || !it->second->headline) return "";
    const auto half = [](const Interval& i) { return score((i.high - i.low) / 2); };
    const ReportScore& s = *it->second;
    const std::string items = s.items ? half(*s.items) : "";
    const auto asked = std::ranges::count_if(s.per_seed, [](auto& v) { return v.has_value(); });
    return "±" + items + (asked > 1 ? " " + half(*s.headline) : "");
  }

  static std::string trimmed(const std::string& line) {
    return line.substr(0, line.find_last_not_of(' ') + 1);
  }

  // A name in lines of a cell's width, broken after its hyphens.
  static std::vector<std::string> wrapped(const std::string& name) {
    std::vector<std::string> lines(1);
    for (size_t at = 0; at < name.size();) {
      const size_t hyphen = name.find('-', at);
      const size_t end = hyphen == std::string::npos ? name.size() : hyphen + 1;
      std::string part = name.substr(at, end - at);
      if (!lines.back().empty() && lines.back().size() + part.size() > kCell - 1)
        lines.emplace_back();
      lines.back() += part.substr(0, kCell - 1);
      at = end;
    }
    return lines;
  }

  std::string cell(const ReportNode& node, const ReportAbility& ability) const {
    const auto it = scores_.find({node.name, ability.id});
    if (it == scores_.end()) return padded("·", kCell - 1, true) + " ";
    if (!it->second->headline) return padded("##", kCell - 1, true) + " ";
    const Interval& value = *it->second->headline;
    const bool weak =
        ability.chance && value.low <= *ability.chance && value.high >= *ability.chance;
    std::string mark = " ";
    if (const auto c = contrasts_.find({node.name, ability.id}); c != contrasts_.end())
      mark = c->second->difference.low > 0 ? "▲" : c->second->difference.high < 0 ? "▼" : " ";
    if (weak && mark == " ") mark = "≈";
    const std::string text = padded(score(value.value) + " " + mark, kCell - 1, true);
    return " " + painted(text, value.value, ability);
  }

  // White at chance to deep blue at the best possible score, as on the page.
  std::string painted(const std::string& text, double value, const ReportAbility& a) const {
    if (!style_.colour) return text;
    const double chance = a.chance.value_or(0), room = a.high - chance;
    const double t = room > 0 ? std::clamp((value - chance) / room, 0.0, 1.0) : 0;
    const auto between = [&](double low, double high) {
      return static_cast<uint8_t>(std::lround(low + t * (high - low)));
    };
    const fmt::rgb paper(between(240, 10), between(244, 76), between(248, 130));
    constexpr double kInkTurns = 0.5;
    const fmt::rgb ink = t > kInkTurns ? fmt::rgb(255, 255, 255) : fmt::rgb(20, 24, 28);
    return fmt::format(fg(ink) | bg(paper), "{}", text);
  }

  const Report& report_;
  const TextStyle& style_;
  std::vector<TreeLine> lines_;             // depth first
  std::vector<const ReportAbility*> rows_;  // that are shown
  std::map<std::pair<std::string, std::string>, const ReportScore*> scores_;
  std::map<std::pair<std::string, std::string>, const ReportContrast*> contrasts_;
  std::string out_;
};

}  // namespace

std::string report_text(const Report& report, const TextStyle& style) {
  return Writer(report, style).text();
}

}  // namespace lineage
