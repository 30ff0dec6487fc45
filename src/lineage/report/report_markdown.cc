#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lineage/report/feedback_markdown.h"
#include "lineage/report/format.h"
#include "lineage/report/markdown_table.h"
#include "lineage/report/report.h"

namespace lineage {
namespace {

std::string range(const Interval& i, int digits = 2) {
  return fmt::format("[{}, {}]", short_number(i.low, digits), short_number(i.high, digits));
}

std::string p_value(double p) { return p < 0.001 ? "< .001" : short_number(p, 3); }

// On one line between backticks, which would end it.
std::string code_text(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::ranges::replace(text, '`', '\'');
  return text;
}

std::string short_digest(const std::string& digest) { return "`" + digest.substr(0, 12) + "`"; }

std::string duration(double seconds) {
  const int64_t s = std::llround(seconds);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

std::string name_of(const ReportAbility& a) { return cell_text(a.label); }

std::string nodes_table(const Report& r) {
  std::string text =
      table_head({"node", "stage", "parents", "parameters", "tokens", "steps", "data"});
  for (const ReportNode& n : r.nodes) {
    std::vector<std::string> data;
    for (const ReportSource& s : n.data)
      data.push_back(fmt::format("{} {} ({:.2f} epochs)", s.name, s.trained, s.epochs));
    text +=
        table_row({"`" + n.name + "`", stage_text(n), fmt::format("{}", fmt::join(n.parents, ", ")),
                   std::to_string(n.parameters), std::to_string(n.tokens), std::to_string(n.steps),
                   cell_text(fmt::format("{}", fmt::join(data, ", ")))});
  }
  return text;
}

std::string scores_table(const Report& r) {
  std::map<std::pair<std::string, std::string>, const ReportScore*> scores;
  for (const ReportScore& s : r.scores) scores[{s.node, s.ability}] = &s;
  std::map<std::pair<std::string, std::string>, const ReportContrast*> contrasts;
  for (const ReportContrast& c : r.contrasts)
    if (c.kind == ContrastKind::parent) contrasts[{c.node, c.ability}] = &c;
  std::vector<std::string> columns = {"ability", "metric", "chance", "n"};
  for (const ReportNode& n : r.nodes) columns.push_back(n.name);
  std::string text = table_head(columns);
  for (const ReportAbility& a : r.abilities) {
    if (!a.of.empty()) continue;
    int64_t n = 0;
    std::vector<std::string> cells;
    for (const ReportNode& node : r.nodes) {
      const auto s = scores.find({node.name, a.id});
      if (s != scores.end()) n = std::max(n, s->second->n);
      if (s == scores.end()) {
        cells.push_back("");
      } else if (!s->second->score) {
        cells.push_back("not measurable");
      } else {
        std::string value = short_number(s->second->score->value) + " " + range(*s->second->score);
        if (const auto c = contrasts.find({node.name, a.id}); c != contrasts.end())
          if (const std::string_view mark = change_mark(c->second->change); !mark.empty())
            value += fmt::format(" {}", mark);
        cells.push_back(std::move(value));
      }
    }
    cells.insert(cells.begin(), {name_of(a), cell_text(a.metric),
                                 a.chance ? short_number(*a.chance) : "", std::to_string(n)});
    text += table_row(cells);
  }
  return text;
}

// The meaning of each row of its own, with an item.
std::string explanations(const Report& r) {
  std::string text;
  for (const ReportExplanation& e : r.explanations) {
    const auto row = std::ranges::find(r.abilities, e.ability, &ReportAbility::id);
    if (row == r.abilities.end()) continue;
    text += fmt::format("- **{}**: {}", name_of(*row), e.measures);
    if (!e.chance.empty()) text += " Chance: " + e.chance;
    text += " At chance or below: " + e.low;
    if (!e.accepts.empty()) text += " " + e.accepts;
    if (e.example && !e.example->prompt.empty())
      text += fmt::format(" Item: `{}`", code_text(e.example->prompt));
    if (e.example) text += fmt::format(" Right: `{}`", code_text(e.example->answer));
    text += "\n";
  }
  return text;
}

// One table a pair of nodes, the greatest improvement first.
std::string contrast_tables(const Report& r) {
  std::string text;
  for (const ReportEdge& edge : r.edges) {
    text += fmt::format("\n### {} → {}{}\n\n", edge.from, edge.node,
                        edge.kind == ContrastKind::control ? " (against its control)" : "");
    text += table_head(
        {"ability", "change", "interval", "over items alone", "p", "p (Holm)", "items", "seeds"});
    for (const size_t i : edge.contrasts) {
      const ReportContrast& c = r.contrasts[i];
      const auto ability = std::ranges::find(r.abilities, c.ability, &ReportAbility::id);
      text +=
          table_row({name_of(*ability), signed_number(c.difference.value, 3),
                     range(c.difference, 3), range(c.items, 3), p_value(c.p),
                     c.holm ? p_value(*c.holm) : "", std::to_string(c.n), std::to_string(c.seeds)});
    }
  }
  return text;
}

std::string provenance(const Report& r) {
  std::string text = "```sh\n";
  for (const ReportRun& run : r.runs) text += run.command + "\n";
  text += "```\n\n" + table_head({"run", "started", "time", "Lineage", "machine"});
  for (const ReportRun& run : r.runs)
    text +=
        table_row({"`" + cell_text(run.command) + "`", run.started,
                   run.seconds ? duration(*run.seconds) : "", run.code, cell_text(run.machine)});
  text += "\n" + table_head({"node", "seed", "identity", "weights", "training", "grown"});
  for (const ReportNode& n : r.nodes)
    for (const GrownModel& g : n.grown)
      text +=
          table_row({"`" + n.name + "`", std::to_string(g.seed), short_digest(g.identity),
                     short_digest(g.weights), g.seconds ? duration(*g.seconds) : "", g.created});
  text += "\n" + table_head({"data", "kind", "licence", "documents", "tokens", "digest"});
  std::map<std::string, const ReportSource*> sources;  // by digest
  for (const ReportNode& n : r.nodes)
    for (const ReportSource& s : n.data) sources.try_emplace(s.name + s.digest, &s);
  for (const auto& [digest, s] : sources)
    text += table_row({"`" + s->name + "`", cell_text(s->kind), cell_text(s->licence),
                       std::to_string(s->documents), std::to_string(s->tokens),
                       short_digest(s->digest)});
  return text;
}

}  // namespace

std::string report_markdown(const Report& r) {
  std::string text = fmt::format("# {}\n\n", r.name);
  text += fmt::format("{} nodes, seed{} {}. Written by `lineage report --markdown` ({}) at {}.\n\n",
                      r.nodes.size(), r.seeds.size() == 1 ? "" : "s", fmt::join(r.seeds, ", "),
                      r.code, r.created);
  text += nodes_table(r);
  if (!r.scores.empty()) {
    text += fmt::format(
        "\n## Abilities\n\nValue and {:.0f} % interval {}. ▲ ▼: better, worse than the parent, ◆: "
        "different where neither is better; the paired difference's interval is clear of 0.\n\n{}",
        100 * r.confidence,
        r.seeds.size() > 1
            ? fmt::format("over items and {} seeds (the widest of two-level bootstrap, Student's "
                          "t over seeds, and items)",
                          r.seeds.size())
            : "over items; one seed, so it says nothing about another",
        scores_table(r));
  }
  if (!r.explanations.empty()) text += "\n## Meaning of each row\n\n" + explanations(r);
  if (!r.edges.empty())
    text +=
        "\n## Changes of each stage\n\nChild − parent on the same items, within each seed. "
        "Holm's adjustment is over the rows of one table.\n" +
        contrast_tables(r);
  text += rewards_markdown(r) + feedback_markdown(r);
  text += "\n## Provenance\n\n" + provenance(r);
  for (const std::string& note : r.notes) text += "\n" + note + "\n";
  return text;
}

}  // namespace lineage
