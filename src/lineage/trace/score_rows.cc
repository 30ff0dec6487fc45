#include "lineage/trace/score_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace lineage {
namespace {

double number(const std::string& text) {
  return text.empty() ? std::numeric_limits<double>::quiet_NaN() : std::stod(text);
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

std::string quoted_list(const std::vector<std::string>& texts) {
  std::string result;
  for (const std::string& text : texts) result += (result.empty() ? "" : ", ") + quoted(text);
  return "(" + result + ")";
}

// The nodes are named since answers are stored by node first: without, each scenario would read
// those of all others.
std::string answers_from(const std::string& digest, const std::vector<std::string>& nodes) {
  return " FROM predictions p JOIN items i ON i.scenario = p.scenario AND i.item = p.item"
         " WHERE p.node IN " +
         quoted_list(nodes) + " AND p.scenario = " + quoted(digest) + " AND p.skipped = 0";
}

std::string prompting_of(const std::string& form, const std::string& shots,
                         const std::string& reasoning, const std::string& vote,
                         const std::string& samples) {
  std::string text = form == "chat" ? "chat template" : "plain text";
  text += shots == "0" || shots.empty() ? ", 0-shot" : fmt::format(", {}-shot", shots);
  if (reasoning == "chain") text += ", chain of thought";
  if (!vote.empty() && vote != "first") text += fmt::format(", {} of {} samples", vote, samples);
  return text;
}

// Of a JSON list of answers, the right one: that of the index, which is 0 where there is no choice.
std::string wanted(const std::string& answers, const std::string& correct) {
  const auto json = nlohmann::json::parse(answers, nullptr, false);
  const size_t index = correct.empty() ? 0 : std::stoul(correct);
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
  const auto rows = database.query(
      "SELECT node, scenario, name, ability, title, metric, gate, template, shots, reasoning, vote,"
      " samples, of_ability, cell, n, headline, low, high, graded, graded_low, graded_high, chance,"
      " format, kind FROM current");
  for (const auto& r : rows) {
    RecordedScenario& s = by_name[r[2]];
    s.name = r[2], s.ability = r[3], s.title = r[4], s.metric = r[5];
    s.kind = metric_kind(r[23]).value_or(MetricKind::share);
    s.headline = r[12] == "1";
    s.scores.push_back({r[0],
                        r[1],
                        r[13],
                        r[6],
                        prompting_of(r[7], r[8], r[9], r[10], r[11]),
                        r[14].empty() ? 0 : static_cast<int64_t>(std::stoll(r[14])),
                        {number(r[15]), number(r[16]), number(r[17])},
                        {number(r[18]), number(r[19]), number(r[20])},
                        number(r[21]),
                        number(r[22])});
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
  for (const auto& r : database.query(
           "SELECT p.node, p.item, p.headline, p.graded, i.cell, i.cluster" +
           answers_from(digest, nodes) + " AND p.headline IS NOT NULL ORDER BY i.position")) {
    ItemScores& s = result[r[0]];
    s.digest = digest;
    s.items.push_back(r[1]);
    s.headline.push_back(number(r[2]));
    s.graded.push_back(number(r[3]));
    s.cells.push_back(r[4]);
    s.clusters.push_back(r[5]);
  }
  return result;
}

std::vector<RecordedAnswer> recorded_answers(const Database& database, const std::string& digest,
                                             const std::vector<std::string>& nodes) {
  std::vector<RecordedAnswer> result;
  for (const auto& r : database.query(
           "SELECT p.node, p.item, p.output, i.question, i.answers, i.correct, p.headline" +
           answers_from(digest, nodes) + " ORDER BY i.position, p.node"))
    result.push_back({r[0], r[1], r[2], r[3], wanted(r[4], r[5]), number(r[6])});
  return result;
}

std::optional<RecordedItem> recorded_item(const Database& database, const std::string& scenario,
                                          const std::string& id) {
  const auto rows = database.query(
      "SELECT i.question, i.answers, i.correct, s.method FROM items i JOIN scenarios s "
      "USING(scenario)"
      " WHERE s.name = " +
      quoted(scenario) + (id.empty() ? "" : " AND i.item = " + quoted(id)) +
      " ORDER BY i.position LIMIT 1");
  if (rows.empty()) return {};
  RecordedItem item{.question = rows[0][0], .chooses = rows[0][3] == "choose"};
  const auto answers = nlohmann::json::parse(rows[0][1], nullptr, false);
  if (!answers.is_array() || answers.empty()) return {};
  for (const auto& a : answers) item.answers.push_back(a.is_string() ? a.get<std::string>() : "");
  item.correct = rows[0][2].empty() ? 0 : std::stoul(rows[0][2]);
  if (item.correct >= item.answers.size()) return {};
  return item;
}

std::vector<ReportRun> recorded_runs(const Database& database,
                                     const std::vector<std::string>& nodes) {
  std::vector<ReportRun> result;
  for (const auto& r : database.query(
           "SELECT started, command, version FROM runs WHERE run IN (SELECT run FROM scores WHERE"
           " node IN " +
           quoted_list(nodes) + ") ORDER BY run"))
    result.push_back({r[1], "", r[2], r[0], std::nullopt});
  return result;
}

}  // namespace lineage
