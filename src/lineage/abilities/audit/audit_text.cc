#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lineage/abilities/audit/audit.h"
#include "lineage/base/enum_index.h"

namespace lineage {
namespace {

std::string ability_label(Ability a) {
  return fmt::format("A{:02} {}", static_cast<int>(a), ability_name(a));
}

// The abilities that some source has answers of.
std::vector<Ability> abilities_of(const AuditReport& r) {
  std::vector<Ability> out;
  for (int a = 1; a < kAuditAbilities; ++a)
    if (std::ranges::any_of(r.sources,
                            [&](const SourceCount& s) { return s.answers[size_t(a)] > 0; }))
      out.push_back(static_cast<Ability>(a));
  return out;
}

std::string count_text(double n) {
  return n == 0    ? "."
         : n < 1e3 ? fmt::format("{:.0f}", n)
         : n < 1e6 ? fmt::format("{:.1f}k", n / 1e3)
                   : fmt::format("{:.2f}M", n / 1e6);
}

std::string matrix_text(const AuditReport& r) {
  std::string out = "answer-bearing tokens by source, and their share\n";
  constexpr int kColumn = 20;
  out += fmt::format("{:24}", "");
  for (const SourceCount& s : r.sources) out += fmt::format("{:>{}}", s.name, kColumn);
  for (Ability a : abilities_of(r)) {
    out += fmt::format("\n{:24}", ability_label(a));
    for (const SourceCount& s : r.sources) {
      const int64_t n = s.answers[enum_index(a)];
      const std::string cell =
          n ? fmt::format("{} {:6.2f} %", count_text(static_cast<double>(n)), 100 * s.share(a))
            : std::string(".");
      out += fmt::format("{:>{}}", cell, kColumn);
    }
  }
  const auto row = [&](std::string_view name, auto number) {
    out += fmt::format("\n{:24}", name);
    for (const SourceCount& s : r.sources)
      out += fmt::format("{:>{}}", count_text(static_cast<double>(number(s))), kColumn);
  };
  row("tokens", [](const SourceCount& s) { return s.tokens; });
  row("documents", [](const SourceCount& s) { return s.documents; });
  return out + "\n";
}

// Abilities of which a source of text has some answers, but fewer than an ability needs that a base
// model must have (docs/abilities.md, section 4).
std::string thin_text(const AuditReport& r) {
  std::string out;
  for (const SourceCount& s : r.sources) {
    if (s.kind != AuditSource::Kind::text) continue;
    std::vector<std::string> thin;
    for (Ability a : abilities_of(r))
      if (0 < s.share(a) && s.share(a) < kDenseEnough)
        thin.push_back(fmt::format("{} {:.2f} %", ability_label(a), 100 * s.share(a)));
    if (!thin.empty())
      out += fmt::format("warning: {} has below {:.0f} % of answers of {}\n", s.name,
                         100 * kDenseEnough, fmt::join(thin, ", "));
  }
  return out;
}

std::string seen_text(const AuditReport& r, const std::vector<TokensSeen>& seen) {
  if (seen.empty()) return {};
  constexpr int kColumn = 9;
  std::string out =
      "\nanswer-bearing tokens that each node has read, its ancestors' included; * new: no "
      "ancestor had any\n";
  out += fmt::format("{:24}", "");
  for (size_t n = 0; n < seen.size(); ++n) out += fmt::format("{:>{}}", n + 1, kColumn);
  std::vector<std::vector<NodeDose>> doses;
  for (const TokensSeen& d : seen) doses.push_back(node_doses(r, d));
  for (Ability a : abilities_of(r)) {
    out += fmt::format("\n{:24}", ability_label(a));
    for (const auto& of_node : doses) {
      const auto dose = std::ranges::find(of_node, a, &NodeDose::ability);
      const bool none = dose == of_node.end();
      out += fmt::format("{:>{}}",
                         (none ? "." : count_text(dose->own + dose->before)) +
                             (!none && dose->is_new() ? "*" : " "),
                         kColumn);
    }
  }
  out += fmt::format("\n{:24}", "tokens");
  for (const TokensSeen& d : seen) {
    double tokens = 0;
    for (const auto& [source, n] : d.total) tokens += n;
    out += fmt::format("{:>{}}", count_text(tokens) + " ", kColumn);
  }
  out += '\n';
  for (size_t n = 0; n < seen.size(); ++n) {
    out += fmt::format("  {} {}", n + 1, seen[n].node);
    if (!seen[n].parent.empty()) out += " of " + seen[n].parent;
    for (const auto& [source, tokens] : seen[n].own)
      out += fmt::format("{} {} {}", source == seen[n].own.begin()->first ? ":" : ",",
                         count_text(tokens), source);
    out += '\n';
  }
  return out;
}

// One row for each probe with its findings, cells added up: "3 exact, 2 key".
std::string overlap_text(const AuditReport& r) {
  std::string out = "\nitems of probes that stand in a source\n";
  std::map<std::string, std::map<std::string, std::string>> cells;
  std::map<std::string, bool> leaks;
  for (const ProbeCount& p : r.probes)
    for (const SourceCount& s : r.sources)
      for (int c = 0; c < kChecks; ++c) {
        int64_t found = 0;
        bool leak = false;
        for (const Overlap& o : r.overlaps)
          if (o.probe == p.name && o.source == s.name && o.check == static_cast<Check>(c))
            found += o.found, leak |= o.allowed.empty();
        if (found == 0) continue;
        std::string& cell = cells[p.name][s.name];
        cell += fmt::format("{}{} {}{}", cell.empty() ? "" : ", ", found,
                            check_name(static_cast<Check>(c)), leak ? "!" : "");
      }
  constexpr int kColumn = 26;
  out += fmt::format("{:28}{:>6}", "probe", "items");
  for (const SourceCount& s : r.sources) out += fmt::format("  {:{}}", s.name, kColumn);
  out += '\n';
  int64_t silent_probes = 0, silent_items = 0;
  for (const ProbeCount& p : r.probes) {
    if (!cells.contains(p.name)) {
      ++silent_probes, silent_items += p.items;
      continue;
    }
    out += fmt::format("{:28}{:>6}", p.name, p.items);
    for (const SourceCount& s : r.sources) {
      const std::string& cell = cells[p.name][s.name];
      out += fmt::format("  {:{}}", cell.empty() ? "." : cell, kColumn);
    }
    out += '\n';
  }
  out += fmt::format("{} further probes, {} items: nothing of them anywhere\n", silent_probes,
                     silent_items);
  std::map<std::string, std::vector<std::string>> reasons;
  for (const Overlap& o : r.overlaps)
    if (!o.allowed.empty()) {
      auto& probes = reasons[o.allowed];
      if (std::ranges::find(probes, o.probe) == probes.end()) probes.push_back(o.probe);
    }
  if (!reasons.empty()) out += "\nallowed\n";
  for (const auto& [why, probes] : reasons)
    out += fmt::format("  {}: {}\n", fmt::join(probes, ", "), why);
  return out;
}

// Where a source declines, and whether that tells when to.
std::string decline_text(const AuditReport& r) {
  std::string out;
  const auto share = [](const DeclineCounts::Share& s) {
    return s.replies ? fmt::format("{:.3f} of {}", s.value(), s.replies) : std::string("-");
  };
  for (const SourceCount& s : r.sources) {
    const DeclineCounts& d = s.declines;
    if (d.refused_harmless.replies + d.refused_improper.replies + d.abstained_told.replies +
            d.abstained_untold.replies ==
        0)
      continue;
    out +=
        fmt::format("  {:<16} {:>17} {:>17} {:>17} {:>17}{}\n", s.name, share(d.refused_harmless),
                    share(d.refused_improper), share(d.abstained_told), share(d.abstained_untold),
                    d.tells().empty() ? ""
                    : s.dialogs       ? "  teaches it"
                                      : "  tells when (!)");
  }
  if (out.empty()) return out;
  return fmt::format("\nreplies that decline\n  {:<16} {:>17} {:>17} {:>17} {:>17}\n", "",
                     "refused: harmless", "improper", "not known: often", "hardly told") +
         out;
}

std::string leak_text(const AuditReport& r) {
  std::string out;
  for (const SourceCount& s : r.sources)
    if (const std::string tells = s.declines.tells(); !s.dialogs && !tells.empty())
      out += fmt::format("  {}: {}\n", s.name, tells);
  for (const SplitFault& f : r.faults)
    out += fmt::format("  {}: {} in {} documents; document {}: {}\n", f.source, f.what, f.found,
                       f.document, f.example);
  for (const Overlap& o : r.overlaps)
    if (o.allowed.empty())
      out += fmt::format("  {}{} in {}: {} of {} by {}; item {} in document {}: {}\n", o.probe,
                         o.cell.empty() ? "" : "/" + o.cell, o.source, o.found, o.items,
                         check_name(o.check), o.example_id, o.document, o.example);
  return out.empty() ? "\nclean\n" : "\nleaks (!)\n" + out;
}

}  // namespace

std::vector<NodeDose> node_doses(const AuditReport& r, const TokensSeen& seen) {
  std::vector<NodeDose> out;
  const auto tokens = [](const std::map<std::string, double>& of, const std::string& source) {
    const auto found = of.find(source);
    return found == of.end() ? 0 : found->second;
  };
  for (Ability a : abilities_of(r)) {
    NodeDose dose{a, 0, 0};
    for (const SourceCount& s : r.sources) {
      const double own = tokens(seen.own, s.name);
      dose.own += own * s.share(a);
      dose.before += (tokens(seen.total, s.name) - own) * s.share(a);
    }
    if (dose.own + dose.before > 0) out.push_back(dose);
  }
  return out;
}

std::string audit_text(const AuditReport& r, const std::vector<TokensSeen>& seen) {
  return matrix_text(r) + thin_text(r) + seen_text(r, seen) + decline_text(r) + overlap_text(r) +
         leak_text(r);
}

}  // namespace lineage
