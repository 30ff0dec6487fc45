#include "lineage/eval/evaluation_rows.h"

#include <cassert>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/eval/packed_scores.h"

namespace lineage {
namespace {

template <class Enum>
const char* name_of(Enum value, std::initializer_list<const char*> names) {
  return names.begin()[enum_index(value)];
}

// A scenario, or a further number of its answers, as a row of `scenarios`.
struct ScenarioRow {
  std::string digest, name, ability, title, parent_row;
  MetricInfo metric;
};

ScenarioRow row_of(const ScenarioRecord& r) {
  return {r.digest,      r.spec->name,       r.spec->ability,
          r.spec->title, r.spec->parent_row, r.spec->metric.info};
}

ScenarioRow row_of(const ScenarioRecord& r, const AggregateMetric& a) {
  return {r.digest + " " + a.name,
          a.name,
          a.ability.empty() ? r.spec->ability : a.ability,
          a.title,
          a.parent_row,
          a.metric};
}

int64_t node_of(const SqliteFile& file, const std::string& key) {
  Statement s(file, "SELECT node FROM nodes WHERE key = ?");
  require(s.bind(key).step(), "database: a score of a node that was not added");
  return s.integer(0);
}

// Returns the scenario's number.
int64_t write_scenario(const SqliteFile& file, const ScenarioRecord& record, const ScenarioRow& row,
                       std::optional<int64_t> predictions_of) {
  const PromptSpec& p = record.spec->prompt;
  Statement insert(file,
                   "INSERT INTO scenarios(digest, predictions_of, name, ability, parent_row, "
                   "title, metric, kind, unit, better, target, has_chance, method, reasoning, "
                   "vote, shots, samples, n, seed, revision) "
                   "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(digest) DO UPDATE "
                   "SET ability = excluded.ability, parent_row = excluded.parent_row, "
                   "title = excluded.title RETURNING scenario");
  const bool there =
      insert.bind(row.digest)
          .bind(predictions_of)
          .bind(row.name)
          .bind(row.ability)
          .bind(row.parent_row)
          .bind(row.title)
          .bind(row.metric.name)
          .bind(metric_kind_name(row.metric.kind))
          .bind(row.metric.unit)
          .bind(better_name(row.metric.better))
          .bind(row.metric.better == Better::nearest ? row.metric.target : std::nan(""))
          .bind(row.metric.has_chance)
          .bind(name_of(p.method, {"choose", "generate", "likelihood"}))
          .bind(name_of(p.reasoning, {"direct", "chain"}))
          .bind(name_of(p.vote, {"first", "majority", "complexity"}))
          .bind(p.shots)
          .bind(p.samples)
          .bind(record.n)
          .bind(record.seed)
          .bind(record.revision)
          .step();
  require(there, "database: a scenario has no number");
  return insert.integer(0);
}

// The choices of a schema are its contexts.
const std::vector<Part>& choices_of(const Instance& item) {
  return item.contexts.empty() ? item.answers : item.contexts;
}

std::vector<std::string> answers_of(const std::vector<DrawnAnswer>& samples) {
  std::vector<std::string> answers;
  for (const DrawnAnswer& s : samples) answers.push_back(s.answer);
  return answers;
}

// The text of an output, unless the choice's index gives it.
std::optional<std::string> stored_output(const Instance& item, const Prediction& p) {
  const auto& choices = choices_of(item);
  const bool is_choice =
      p.chosen >= 0 && p.chosen < std::ssize(choices) && choices[p.chosen].text == p.output;
  return is_choice ? std::nullopt : std::optional(p.output);
}

// The answer, unless the view `predictions` takes it from the output.
std::optional<std::string> stored_answer(const std::optional<std::string>& output,
                                         const Prediction& p) {
  // The same as trim() of SQL.
  const auto trimmed = [](std::string_view text) {
    const size_t begin = text.find_first_not_of(' ');
    if (begin == text.npos) return std::string_view();
    return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
  };
  return p.answer == (output ? trimmed(*output) : p.output) ? std::nullopt
                                                            : std::optional(p.answer);
}

void write_items(const SqliteFile& file, const Evaluation& e, int64_t scenario) {
  Statement there(file, "SELECT 1 FROM questions WHERE scenario = ? LIMIT 1");
  if (there.bind(scenario).step()) return;
  Statement insert_list(file, "INSERT INTO answer_lists(answers) VALUES(?)");
  Statement insert(file, "INSERT INTO questions VALUES(?,?,?,?,?,?,?,?,?)");
  std::map<std::string, int64_t> lists;
  int64_t position = 0;
  for (const Instance& item : e.items) {
    std::vector<std::string> answers;
    for (const Part& a : choices_of(item)) answers.push_back(a.text);
    const auto [list, fresh] = lists.try_emplace(json_text(answers));
    if (fresh) {
      insert_list.bind(list->first).run();
      list->second = file.last_row();
    }
    insert.bind(scenario)
        .bind(position++)
        .bind(item.id)
        .bind(item.cell)
        .bind(item.cluster)
        .bind(item.contexts.empty() ? item.question.text : item.answers[0].text)
        .bind(list->second)
        .bind(item.correct)
        .bind(item.chain.text)
        .run();
  }
}

void write_predictions(const SqliteFile& file, const Evaluation& e, int64_t node,
                       int64_t scenario) {
  Statement(file,
            "DELETE FROM outputs WHERE number IN (SELECT o.number FROM evaluations e CROSS JOIN "
            "outputs o ON o.number BETWEEN e.first_output AND e.last_output "
            "WHERE e.node = ? AND e.scenario = ?)")
      .bind(node)
      .bind(scenario)
      .run();
  Statement(file, "DELETE FROM evaluations WHERE node = ? AND scenario = ?")
      .bind(node)
      .bind(scenario)
      .run();
  if (e.items.empty()) return;
  const int64_t first = file.integer("SELECT max(number) FROM outputs") + 1;
  Statement(file, "INSERT INTO evaluations VALUES(?,?,?,?)")
      .bind(node)
      .bind(scenario)
      .bind(first)
      .bind(first + std::ssize(e.items) - 1)
      .run();
  Statement insert(file, "INSERT INTO outputs VALUES(?,?,?,?,?,?,?,?,?,?,?)");
  const ScenarioSpec& spec = *e.scenario.spec;
  for (size_t i = 0; i < e.items.size(); ++i) {
    const Prediction& p = e.predictions[i];
    const std::optional<std::string> output = stored_output(e.items[i], p);
    insert.bind(first + static_cast<int64_t>(i))
        .bind(output)
        .bind(stored_answer(output, p))
        .bind(p.chosen)
        .bind(p.fits ? spec.metric.score(e.items[i], p) : std::nan(""))
        .bind(p.fits ? p.log_prob : std::nan(""))
        .bind(p.format)
        .bind_blob(spec.keeps_choices ? pack_scores(p.scores) : "")
        .bind(p.samples.empty() ? std::nullopt : std::optional(json_text(answers_of(p.samples))))
        .bind(p.truncated)
        .bind(!p.fits)
        .run();
  }
}

void write_scores(const SqliteFile& file, const Evaluation& e, int64_t node, int64_t scenario,
                  std::span<const Score> scores, int64_t run) {
  Statement insert(file,
                   "INSERT OR REPLACE INTO scores "
                   "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (const Score& s : scores)
    insert.bind(node)
        .bind(scenario)
        .bind(s.cell)
        .bind(s.n)
        .bind(s.skipped)
        .bind(s.truncated)
        .bind(e.scenario.seed)
        .bind(s.estimate.value)
        .bind(s.estimate.low)
        .bind(s.estimate.high)
        .bind(s.estimate.error)
        .bind(s.log_likelihood.value)
        .bind(s.log_likelihood.low)
        .bind(s.log_likelihood.high)
        .bind(s.chance.value())
        .bind(s.chance.uniform)
        .bind(s.chance.majority)
        .bind(s.chance.shuffled)
        .bind(s.format)
        .bind(e.not_measurable)
        .bind(name_of(e.prompt_template, {"raw", "chat"}))
        .bind(e.dev_raw)
        .bind(e.dev_chat)
        .bind(run)
        .run();
}

}  // namespace

std::string json_text(const std::vector<std::string>& texts) {
  using Json = nlohmann::json;
  return Json(texts).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_evaluation(const SqliteFile& file, const Evaluation& e, int64_t run) {
  assert(e.items.size() == e.predictions.size());
  const ScenarioRecord& record = e.scenario;
  const int64_t node = node_of(file, e.node);
  const int64_t scenario = write_scenario(file, record, row_of(record), std::nullopt);
  write_items(file, e, scenario);
  write_predictions(file, e, node, scenario);
  write_scores(file, e, node, scenario, e.scores, run);
  for (size_t a = 0; a < e.aggregates.size(); ++a) {
    if (e.aggregates[a].empty()) continue;
    const ScenarioRow row = row_of(record, record.spec->aggregates[a]);
    write_scores(file, e, node, write_scenario(file, record, row, scenario), e.aggregates[a], run);
  }
}

void update_scenario_texts(const SqliteFile& file, const ScenarioRecord& record) {
  std::vector<ScenarioRow> rows = {row_of(record)};
  for (const AggregateMetric& a : record.spec->aggregates) rows.push_back(row_of(record, a));
  const auto bind = [](Statement& s, const ScenarioRow& r) -> Statement& {
    return s.bind(r.digest).bind(r.ability).bind(r.parent_row).bind(r.title);
  };
  Statement differs(file,
                    "SELECT 1 FROM scenarios WHERE digest = ?1 AND "
                    "(ability, parent_row, title) IS NOT (?2, ?3, ?4)");
  Statement update(file,
                   "UPDATE scenarios SET ability = ?2, parent_row = ?3, title = ?4 "
                   "WHERE digest = ?1");
  for (const ScenarioRow& row : rows) {
    const bool other = bind(differs, row).step();
    differs.reset();  // a statement that still reads would keep others from writing
    if (other) bind(update, row).run();
  }
}

}  // namespace lineage
