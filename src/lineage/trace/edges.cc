#include "lineage/trace/edges.h"

#include <algorithm>
#include <functional>
#include <map>

namespace lineage {

std::vector<ReportEdge> edges_to(const Report& report, const std::string& node) {
  std::map<std::string, const ReportAbility*> heads;
  for (const ReportAbility& a : report.abilities)
    if (a.of.empty()) heads[a.id] = &a;
  std::vector<ReportEdge> edges;
  for (const ReportContrast& c : report.contrasts) {
    const auto head = heads.find(c.ability);
    if (c.node != node || head == heads.end()) continue;
    auto edge = std::ranges::find_if(
        edges, [&](const ReportEdge& e) { return e.from == c.parent && e.kind == c.kind; });
    if (edge == edges.end()) edge = edges.insert(edge, {node, c.parent, c.kind, {}});
    edge->rows.push_back({&c, head->second});
  }
  const auto gain = [](const ReportEdge::Row& r) { return r.contrast->difference.value; };
  for (ReportEdge& e : edges) std::ranges::stable_sort(e.rows, std::greater(), gain);
  std::ranges::stable_sort(edges, {}, &ReportEdge::kind);
  return edges;
}

}  // namespace lineage
