#include "lineage/report/edges.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

namespace lineage {
namespace {

// Negative infinity for metrics without a direction, which come last.
double gain_of(const ReportAbility& row, const ReportContrast& c) {
  constexpr double kLast = -std::numeric_limits<double>::infinity();
  switch (row.better) {
    case Better::higher:
      return c.difference.value;
    case Better::lower:
      return -c.difference.value;
    case Better::nearest:
    case Better::neither:
      break;
  }
  return c.change == Change::better  ? std::abs(c.difference.value)
         : c.change == Change::worse ? -std::abs(c.difference.value)
                                     : kLast;
}

}  // namespace

std::vector<ReportEdge> edges_of(const Report& report) {
  std::map<std::string, const ReportAbility*> own_rows;
  for (const ReportAbility& a : report.abilities)
    if (a.of.empty()) own_rows[a.id] = &a;
  std::vector<ReportEdge> all;
  for (const ReportNode& node : report.nodes) {
    std::vector<ReportEdge> edges;
    for (size_t i = 0; i < report.contrasts.size(); ++i) {
      const ReportContrast& c = report.contrasts[i];
      if (c.node != node.name || !own_rows.contains(c.ability)) continue;
      auto edge = std::ranges::find_if(
          edges, [&](const ReportEdge& e) { return e.from == c.parent && e.kind == c.kind; });
      if (edge == edges.end()) edge = edges.insert(edge, {c.node, c.parent, c.kind, {}});
      edge->contrasts.push_back(i);
    }
    const auto gain = [&](size_t i) {
      const ReportContrast& c = report.contrasts[i];
      return gain_of(*own_rows.at(c.ability), c);
    };
    for (ReportEdge& e : edges) std::ranges::stable_sort(e.contrasts, std::greater(), gain);
    std::ranges::stable_sort(edges, {}, &ReportEdge::kind);
    std::ranges::move(edges, std::back_inserter(all));
  }
  return all;
}

}  // namespace lineage
