#include "lineage/report/score_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace lineage {
namespace {

// A list of placeholders for `count` values from ?`first` on.
std::string placeholders(size_t first, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += fmt::format("{}?{}", i ? ", " : "", first + i);
  return "(" + result + ")";
}

// A node's answers to a scenario are together on disk, so nodes are named first.
std::vector<DatabaseRow> answers_to(const Database& database, const std::string& columns,
                                    const std::string& digest,
                                    const std::vector<std::string>& nodes,
                                    const std::string& rest) {
  std::vector<std::string> values = {digest};
  values.insert(values.end(), nodes.begin(), nodes.end());
  return database.query("SELECT d.key, " + columns +
                            " FROM given p JOIN nodes d USING(node) WHERE p.node IN (SELECT node "
                            "FROM nodes WHERE key IN " +
                            placeholders(2, nodes.size()) +
                            ") AND p.scenario = (SELECT scenario FROM scenarios WHERE digest = ?1) "
                            "AND p.skipped = 0" +
                            rest,
                        values);
}

std::string prompting_of(const DatabaseRow& r) {
  std::string text = r.text("template") == "chat" ? "chat template" : "plain text";
  text += fmt::format(", {}-shot", r.integer("shots"));
  if (r.text("reasoning") == "chain") text += ", chain of thought";
  if (const std::string vote = r.text("vote"); !vote.empty() && vote != "first")
    text += fmt::format(", {} of {} samples", vote, r.integer("samples"));
  return text;
}

// The right one in a JSON list of answers: by the index, which is 0 if there is no choice.
std::string wanted(const std::string& answers, int64_t correct) {
  const auto json = nlohmann::json::parse(answers, nullptr, false);
  const auto index = static_cast<size_t>(correct);
  if (!json.is_array() || index >= json.size() || !json[index].is_string()) return "";
  return json[index];
}

}  // namespace

bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  const auto end_of_number = [&](const std::string& s, size_t at) {
    while (at < s.size() && digit(s[at])) ++at;
    return at;
  };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    while (i + 1 < a.size() && a[i] == '0' && digit(a[i + 1])) ++i;
    while (j + 1 < b.size() && b[j] == '0' && digit(b[j + 1])) ++j;
    const size_t i2 = end_of_number(a, i), j2 = end_of_number(b, j);
    if (i2 - i != j2 - j) return i2 - i < j2 - j;
    if (const int order = a.compare(i, i2 - i, b, j, j2 - j); order != 0) return order < 0;
    i = i2, j = j2;
  }
  return a.size() - i < b.size() - j;
}

std::vector<RecordedScenario> recorded_scenarios(const Database& database) {
  std::map<std::string, RecordedScenario> by_name;
  for (const DatabaseRow& r : database.query("SELECT * FROM current")) {
    RecordedScenario& s = by_name[r.text("name")];
    s.name = r.text("name"), s.ability = r.text("ability"), s.title = r.text("title");
    s.parent_row = r.text("parent_row");
    s.metric = {.name = r.text("metric"),
                .kind = metric_kind(r.text("kind")).value_or(MetricKind::real),
                .unit = r.text("unit"),
                .better = better(r.text("better")).value_or(Better::neither),
                .target = r.number("target"),
                .has_chance = r.integer("has_chance") != 0};
    s.scores.push_back(
        {.node = r.text("node_key"),
         .digest = r.text("digest"),
         .cell = r.text("cell"),
         .not_measurable = r.text("not_measurable"),
         .prompting = prompting_of(r),
         .n = r.integer("n"),
         .score = {r.number("score"), r.number("low"), r.number("high")},
         .log_likelihood = {r.number("log_likelihood"), r.number("log_likelihood_low"),
                            r.number("log_likelihood_high")},
         .chance = r.number("chance"),
         .format = r.number("format")});
  }
  std::vector<RecordedScenario> result;
  for (auto& [name, scenario] : by_name) result.push_back(std::move(scenario));
  std::ranges::sort(result, natural_less, &RecordedScenario::name);
  return result;
}

std::map<std::string, ItemScores> recorded_items(const Database& database,
                                                 const std::string& digest,
                                                 const std::vector<std::string>& nodes) {
  std::map<std::string, ItemScores> result;
  for (const DatabaseRow& r :
       answers_to(database, "p.item, p.score, p.log_likelihood, p.cell, p.cluster", digest, nodes,
                  " AND p.score IS NOT NULL ORDER BY p.position")) {
    ItemScores& s = result[r.text("key")];
    s.digest = digest;
    s.items.push_back(r.text("item"));
    s.scores.push_back(r.number("score"));
    s.log_likelihoods.push_back(r.number("log_likelihood"));
    s.cells.push_back(r.text("cell"));
    s.clusters.push_back(r.text("cluster"));
  }
  return result;
}

std::vector<RecordedAnswer> recorded_answers(const Database& database, const std::string& digest,
                                             const std::vector<std::string>& nodes) {
  std::vector<RecordedAnswer> result;
  for (const DatabaseRow& r :
       answers_to(database, "p.item, p.cell, p.output, p.question, p.answers, p.correct, p.score",
                  digest, nodes, " ORDER BY p.position, d.key"))
    result.push_back({r.text("key"), r.text("item"), r.text("cell"), r.text("output"),
                      r.text("question"), wanted(r.text("answers"), r.integer("correct")),
                      r.number("score")});
  return result;
}

std::optional<RecordedItem> recorded_item(const Database& database, const std::string& scenario,
                                          const std::string& id) {
  const auto rows = database.query(
      "SELECT i.question, i.answers, i.correct, s.method FROM items i JOIN scenarios s "
      "USING(scenario) WHERE s.name = ?1 AND (?2 = '' OR i.item = ?2) ORDER BY i.position LIMIT 1",
      {scenario, id});
  if (rows.empty()) return {};
  RecordedItem item{.question = rows[0].text("question"),
                    .chooses = rows[0].text("method") == "choose"};
  const auto answers = nlohmann::json::parse(rows[0].text("answers"), nullptr, false);
  if (!answers.is_array() || answers.empty()) return {};
  for (const auto& a : answers) item.answers.push_back(a.is_string() ? a.get<std::string>() : "");
  item.correct = static_cast<size_t>(rows[0].integer("correct"));
  if (item.correct >= item.answers.size()) return {};
  return item;
}

std::vector<ReportRun> recorded_runs(const Database& database,
                                     const std::vector<std::string>& nodes) {
  std::vector<ReportRun> result;
  for (const DatabaseRow& r : database.query(
           "SELECT started, command, version FROM runs WHERE run IN (SELECT run FROM scores WHERE "
           "node IN (SELECT node FROM nodes WHERE key IN " +
               placeholders(1, nodes.size()) + ")) ORDER BY run",
           nodes))
    result.push_back({r.text("command"), "", r.text("version"), r.text("started"), std::nullopt});
  return result;
}

}  // namespace lineage
