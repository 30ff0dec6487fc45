#include <fmt/color.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lineage/report/feedback_lines.h"
#include "lineage/report/format.h"
#include "lineage/report/report.h"

namespace lineage {
namespace {

// Columns that a text takes, for the letters and signs of a report.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(std::string text, size_t width, bool right = false) {
  const size_t seen = width_of(text);
  const std::string space(width > seen ? width - seen : 0, ' ');
  return right ? space + text : text + space;
}

bool starts_letter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// A text in lines of at most so many columns, broken at its blanks, and inside of words only where
// one is longer than a line.
std::vector<std::string> lines_of(std::string_view text, size_t columns) {
  columns = std::max<size_t>(1, columns);
  std::vector<std::string> lines(1);
  const auto add = [&](std::string_view word) {
    const size_t used = width_of(lines.back());
    if (used > 0 && used + 1 + width_of(word) > columns)
      lines.emplace_back();
    else if (used > 0)
      lines.back() += ' ';
    for (const char c : word) {
      if (starts_letter(c) && width_of(lines.back()) == columns) lines.emplace_back();
      lines.back() += c;
    }
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) add(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string count(double value) {
  for (const auto& [from, unit, suffix] :
       {std::tuple(1e9, 1e9, "B"), std::tuple(1e5, 1e6, "M"), std::tuple(1e3, 1e3, "k")})
    if (value >= from) return fmt::format("{:.3g}{}", value / unit, suffix);
  return fmt::format("{}", value);
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

// Children by the parent of their weights; "" has the roots.
Children children_of(const Report& report) {
  std::map<std::string, bool> known;
  for (const ReportNode& n : report.nodes) known[n.name] = true;
  Children children;
  for (const ReportNode& n : report.nodes)
    children[!n.parents.empty() && known.contains(n.parents[0]) ? n.parents[0] : ""].push_back(&n);
  return children;
}

struct TreeLine {
  std::string branch, below;  // before the node's name, and before a second line of the node
  const ReportNode* node;
};

void walk(const Children& children, const std::string& parent, const std::string& indent,
          std::vector<TreeLine>& lines) {
  const auto it = children.find(parent);
  if (it == children.end()) return;
  for (size_t i = 0; i < it->second.size(); ++i) {
    const ReportNode* node = it->second[i];
    const bool root = parent.empty(), last = i + 1 == it->second.size();
    const std::string inside = root ? "" : indent + (last ? "   " : "│  ");
    const bool parent_of_any = children.contains(node->name);
    lines.push_back({root ? "" : indent + (last ? "└─ " : "├─ "),
                     inside + (parent_of_any ? "│  " : "   "), node});
    walk(children, node->name, inside, lines);
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
    for (const ReportExplanation& e : report_.explanations) explain(e);
    if (!report_.contrasts.empty()) edges();
    feedback("Reward models", reward_lines(report_));
    feedback("Learning from feedback", feedback_lines(report_));
    return std::move(out_);
  }

 private:
  std::string styled(const std::string& text, fmt::text_style style) const {
    return style_.colour ? fmt::format(style, "{}", text) : text;
  }

  size_t columns() const { return static_cast<size_t>(std::max(1, style_.columns)); }

  // `lead` and the text after it, in lines that begin below the text's first letter.
  void paragraph(const std::string& lead, const std::string& text) {
    const size_t margin = width_of(lead);
    std::string before = lead;
    for (const std::string& line : lines_of(text, columns() - std::min(columns(), margin))) {
      out_ += before + line + "\n";
      before = std::string(margin, ' ');
    }
  }

  void heading() {
    out_ += styled(report_.name, fmt::emphasis::bold);
    std::string text = fmt::format("· {} model{} · {} seed{}", report_.nodes.size(),
                                   report_.nodes.size() == 1 ? "" : "s", report_.seeds.size(),
                                   report_.seeds.size() == 1 ? "" : "s");
    if (const auto machine = machine_of(report_); !machine.empty()) text += " · " + machine;
    const size_t used = width_of(report_.name) + 1;
    const auto lines = lines_of(text, columns() - std::min(columns(), used));
    for (size_t i = 0; i < lines.size(); ++i)
      out_ += (i == 0 ? std::string(" ") : std::string(used, ' ')) + lines[i] + "\n";
    out_ += "\n";
  }

  // One line for each node if all fit; else its name, and the rest below it.
  void tree() {
    size_t name = 0, stage = 0;
    for (const TreeLine& l : lines_) {
      name = std::max(name, width_of(l.branch) + width_of(l.node->name));
      stage = std::max(stage, width_of(stage_text(*l.node)));
    }
    constexpr size_t kSizes = 2 + 2 + 7 + 2 + 7 + 9;
    const bool fit = std::ranges::all_of(lines_, [&](const TreeLine& l) {
      return name + stage + kSizes + width_of(data_line(*l.node)) <= columns();
    });
    for (const TreeLine& l : lines_) {
      const ReportNode& n = *l.node;
      const size_t used = width_of(l.branch) + width_of(n.name);
      const std::string parameters = count(static_cast<double>(n.parameters)),
                        tokens =
                            (n.parents.empty() ? "" : "+") + count(static_cast<double>(n.tokens));
      out_ += l.branch + styled(n.name, fmt::emphasis::bold);
      if (fit) {
        out_ += std::string(name - used + 2, ' ') + padded(stage_text(n), stage + 2) +
                padded(parameters, 7, true) + "  " + padded(tokens, 7, true) + " tokens  " +
                data_line(n) + "\n";
        continue;
      }
      out_ += "\n";
      const size_t room = columns() - std::min(columns(), width_of(l.below));
      for (const std::string& line :
           lines_of(fmt::format("{}: {} parameters, {} tokens, {}", stage_text(n), parameters,
                                tokens, data_line(n)),
                    room))
        out_ += l.below + line + "\n";
    }
  }

  static constexpr size_t kCell = 10, kAbility = 30, kChance = 7, kSetIn = 2;

  void table() {
    const size_t room = static_cast<size_t>(std::max(0, style_.columns));
    const size_t fit = room > kAbility + kChance ? (room - kAbility - kChance) / kCell : 1;
    for (size_t from = 0; from < lines_.size(); from += std::max<size_t>(1, fit))
      piece(from, std::min(lines_.size(), from + std::max<size_t>(1, fit)));
    std::string legend =
        "▲ ▼ better, worse than the parent · ≈ not significantly different from chance";
    if (std::ranges::any_of(report_.contrasts,
                            [](const auto& c) { return c.change == Change::other; }))
      legend += " · ◆ different, where neither is better";
    if (std::ranges::any_of(report_.scores, [](const auto& s) { return !s.score; }))
      legend += " · n/a not measurable here";
    out_ += "\n";
    paragraph("", legend);
    paragraph(
        "",
        fmt::format(
            "± half-width of the {:.0f} % interval over items{}", 100 * report_.confidence,
            several() ? fmt::format(", then over items and {} seeds", report_.seeds.size()) : ""));
    const auto finer = report_.abilities.size() - rows_.size();
    if (finer > 0)
      paragraph("", fmt::format("{} finer rows, and what each row means: --open A05, or --open all",
                                finer));
  }

  // The meaning of an opened row, with an item.
  void explain(const ReportExplanation& e) {
    const auto row = std::ranges::find(rows_, e.ability, [](const auto* a) { return a->id; });
    if (row == rows_.end() || !opened(**row)) return;
    out_ += "\n";
    paragraph("", (*row)->label);
    const auto part = [&](const char* name, const std::string& text) {
      if (!text.empty()) paragraph(fmt::format("  {:<13} ", name), text);
    };
    part("measures", e.measures);
    part("chance", e.chance);
    part("at or below", e.low);
    part("its parts", e.parts);
    if (!e.example) return;
    const ReportExample& x = *e.example;
    part("an item", one_line(x.prompt));
    part("as dialog", one_line(x.chat));
    for (const std::string& choice : x.choices)
      part(choice == x.answer ? "right choice" : "wrong choice", one_line(choice));
    if (x.choices.empty())
      part(x.choice_count > 0 ? fmt::format("right of {}", x.choice_count).c_str() : "right answer",
           one_line((x.chain.empty() ? "" : x.chain + " answer ") + x.answer));
    part("also right", e.accepts);
  }

  static std::string one_line(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return text;
  }

  bool several() const { return report_.seeds.size() > 1; }

  // By the ability, by the row itself or by its parent row.
  bool opened(const ReportAbility& a) const {
    return std::ranges::any_of(style_.open, [&](const std::string& open) {
      return open == "all" || open == a.ability || open == a.of || open == a.id;
    });
  }

  // "davinci → code-davinci-002: better A10 functions +.31, worse A01 grammar −.04".
  void edges() {
    out_ += "\n";
    for (const TreeLine& line : lines_)
      for (const ReportEdge& e : report_.edges)
        if (e.node == line.node->name) edge(e);
    paragraph("",
              "Listed: differences whose interval is clear of 0; * also after Holm's adjustment "
              "within the list.");
  }

  void edge(const ReportEdge& of) {
    std::map<Change, std::vector<std::string>> by_change;
    for (const size_t i : of.contrasts) {
      constexpr double kAlpha = 0.05;
      const ReportContrast& c = report_.contrasts[i];
      by_change[c.change].push_back(fmt::format("{} {}{}", row_called(c.ability).label,
                                                signed_number(c.difference.value),
                                                c.holm.value_or(1) <= kAlpha ? "*" : ""));
    }
    std::ranges::reverse(by_change[Change::worse]);  // the greatest loss first
    for (const std::string& line :
         lines_of(fmt::format("{}{} → {}", of.kind == ContrastKind::control ? "control " : "",
                              of.from, of.node),
                  columns()))
      out_ += styled(line, fmt::emphasis::bold) + "\n";
    for (const auto& [change, words] :
         {std::pair(Change::better, "  better  "), std::pair(Change::worse, "  worse   "),
          std::pair(Change::other, "  changed ")})
      if (!by_change[change].empty())
        paragraph(words, fmt::format("{}", fmt::join(by_change[change], ", ")));
    if (const size_t n = by_change[Change::open].size(); n > 0)
      out_ += fmt::format("  no significant change: {} of {}\n", n, of.contrasts.size());
    if (const size_t n = by_change[Change::small].size(); n > 0)
      out_ += fmt::format("  changed by less than .005: {}\n", n);
  }

  // The lines of a node stand below its name.
  void feedback(const std::string& heading, const std::vector<FeedbackLine>& lines) {
    if (lines.empty()) return;
    out_ += "\n";
    paragraph("", heading);
    std::string node;
    for (const FeedbackLine& line : lines) {
      if (line.node != node)
        for (const std::string& name : lines_of(line.node, columns()))
          out_ += styled(name, fmt::emphasis::bold) + "\n";
      node = line.node;
      paragraph(fmt::format("  {:<12} ", line.of), line.text);
    }
  }

  const ReportAbility& row_called(const std::string& id) const {
    return *std::ranges::find(report_.abilities, id, &ReportAbility::id);
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
      std::string cells = padded(a->chance ? short_number(*a->chance) : "", kChance),
                  below(kChance, ' ');
      for (size_t i = from; i < to; ++i) {
        cells += cell(*lines_[i].node, *a);
        below += padded(half_widths(*lines_[i].node, *a), kCell, true);
      }
      const std::vector<std::string> name = label(*a);
      out_ += trimmed(padded(name[0], kAbility) + cells) + "\n";
      const std::string second = padded(name.size() > 1 ? name[1] : "", kAbility),
                        widths = trimmed(below);
      if (name.size() > 1 || !widths.empty())
        out_ +=
            trimmed(second + (widths.empty() ? "" : styled(widths, fmt::emphasis::faint))) + "\n";
      for (size_t i = 2; i < name.size(); ++i) out_ += name[i] + "\n";
    }
  }

  // In lines of its column; the names of finer rows, and all further lines, are indented.
  static std::vector<std::string> label(const ReportAbility& a) {
    const std::string margin(a.of.empty() ? 0 : 2, ' ');
    std::vector<std::string> lines = lines_of(a.label, kAbility - 1 - kSetIn - margin.size());
    for (size_t i = 0; i < lines.size(); ++i)
      lines[i] = margin + std::string(i > 0 ? kSetIn : 0, ' ') + lines[i];
    return lines;
  }

  // "±.03", or with several seeds "±.03 .11": over items, and over items and seeds.
  std::string half_widths(const ReportNode& node, const ReportAbility& ability) const {
    const auto it = scores_.find({node.name, ability.id});
    if (it == scores_.end() || !it->second->score) return "";
    const auto half = [](const Interval& i) {
      return std::isfinite(i.high - i.low) ? short_number((i.high - i.low) / 2) : std::string("-");
    };
    const ReportScore& s = *it->second;
    const std::string items = s.items ? half(*s.items) : "";
    const auto asked = std::ranges::count_if(s.per_seed, [](auto& v) { return v.has_value(); });
    return "±" + items + (asked > 1 ? " " + half(*s.score) : "");
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
      for (const std::string& part : lines_of(name.substr(at, end - at), kCell - 1)) {
        if (!lines.back().empty() && width_of(lines.back()) + width_of(part) > kCell - 1)
          lines.emplace_back();
        lines.back() += part;
      }
      at = end;
    }
    return lines;
  }

  std::string cell(const ReportNode& node, const ReportAbility& ability) const {
    const auto it = scores_.find({node.name, ability.id});
    if (it == scores_.end()) return padded("·", kCell - 1, true) + " ";
    const ReportScore& s = *it->second;
    if (!s.score) return padded("n/a", kCell - 1, true) + " ";
    std::string mark;
    if (const auto c = contrasts_.find({node.name, ability.id}); c != contrasts_.end())
      mark = change_mark(c->second->change);
    if (mark.empty()) mark = s.at_chance ? "≈" : " ";
    const std::string text = padded(short_number(s.score->value) + " " + mark, kCell - 1, true);
    return " " + painted(text, s.skill);
  }

  // White at chance to deep blue at the best possible score, as on the page.
  std::string painted(const std::string& text, std::optional<double> skill) const {
    if (!style_.colour || !skill) return text;
    const double t = std::max(0.0, *skill);
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
