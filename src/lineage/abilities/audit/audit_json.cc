#include <nlohmann/json.hpp>

#include "lineage/abilities/audit/audit.h"

namespace lineage {

namespace {

nlohmann::json declines_json(const DeclineCounts& d) {
  const auto share = [](const DeclineCounts::Share& s) {
    return nlohmann::json{{"replies", s.replies}, {"declines", s.declines}};
  };
  return {{"refused_harmless", share(d.refused_harmless)},
          {"refused_improper", share(d.refused_improper)},
          {"abstained_told", share(d.abstained_told)},
          {"abstained_untold", share(d.abstained_untold)},
          {"tells", d.tells()}};
}

}  // namespace

std::string audit_json(const AuditReport& r, const std::vector<TokensSeen>& seen) {
  using nlohmann::json;
  json out = {{"clean", r.clean()}};
  for (const SourceCount& s : r.sources) {
    json abilities = json::object();
    for (int a = 1; a < kAuditAbilities; ++a)
      if (const int64_t n = s.answers[a])
        abilities[std::string(ability_name(static_cast<Ability>(a)))] = n;
    out["sources"].push_back({{"name", s.name},
                              {"kind", training_kind_name(s.kind)},
                              {"documents", s.documents},
                              {"tokens", s.tokens},
                              {"answer_tokens", abilities},
                              {"declines", declines_json(s.declines)}});
  }
  out["nodes"] = json::array();
  for (const TokensSeen& d : seen) {
    json doses = json::array();
    for (const NodeDose& dose : node_doses(r, d))
      doses.push_back({{"ability", ability_name(dose.ability)},
                       {"own", dose.own},
                       {"before", dose.before},
                       {"new", dose.is_new()}});
    out["nodes"].push_back({{"node", d.node},
                            {"parent", d.parent},
                            {"tokens", d.own},
                            {"tokens_with_ancestors", d.total},
                            {"answer_tokens", doses}});
  }
  for (const ProbeCount& p : r.probes)
    out["probes"].push_back({{"name", p.name}, {"ability", p.ability}, {"items", p.items}});
  out["overlaps"] = json::array(), out["split_faults"] = json::array();
  for (const Overlap& o : r.overlaps)
    out["overlaps"].push_back({{"probe", o.probe},
                               {"cell", o.cell},
                               {"source", o.source},
                               {"check", check_name(o.check)},
                               {"found", o.found},
                               {"items", o.items},
                               {"document", o.document},
                               {"item", o.example_id},
                               {"example", o.example},
                               {"allowed", o.allowed}});
  for (const SplitFault& f : r.faults)
    out["split_faults"].push_back({{"source", f.source},
                                   {"what", f.what},
                                   {"found", f.found},
                                   {"document", f.document},
                                   {"example", f.example}});
  return out.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace lineage
