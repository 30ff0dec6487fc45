#pragma once

namespace lineage {

inline constexpr int kApplicationId = 0x4C494E47;  // "LING"
inline constexpr int kSchemaVersion = 4;
// Databases of this version can be read as they are, and are converted when they are written.
inline constexpr int kMigratedVersion = 3;
// In bytes. Most rows are short, but an output with the scores of a whole vocabulary has 2 KB:
// several of them share a page of this size.
inline constexpr int kPageSize = 8192;

// docs/formats.md, "scores.sqlite", describes each column. Rows refer to each other by small
// integers, which hold for one file alone; across files, a node is known by its key, a scenario by
// its digest and an item by its id.
inline constexpr const char* kScoreTables = R"sql(
CREATE TABLE nodes(
  node INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, stage TEXT, weights TEXT,
  parents TEXT, seed INTEGER, tokens INTEGER, parameters INTEGER, folder TEXT);
CREATE TABLE runs(
  run INTEGER PRIMARY KEY, started TEXT NOT NULL, command TEXT, version TEXT, seed INTEGER);
CREATE TABLE scenarios(
  scenario INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, predictions_of INTEGER,
  name TEXT NOT NULL, ability TEXT NOT NULL, parent_row TEXT NOT NULL, title TEXT,
  metric TEXT, kind TEXT, unit TEXT, better TEXT, target REAL, has_chance INTEGER,
  method TEXT, reasoning TEXT, vote TEXT, shots INTEGER, samples INTEGER, n INTEGER, seed INTEGER,
  revision TEXT);
CREATE INDEX scenario_names ON scenarios(name);
CREATE TABLE scores(
  node INTEGER NOT NULL, scenario INTEGER NOT NULL, cell TEXT NOT NULL, n INTEGER, skipped INTEGER,
  truncated INTEGER, seed INTEGER, score REAL, low REAL, high REAL, error REAL,
  log_likelihood REAL, log_likelihood_low REAL, log_likelihood_high REAL, chance REAL,
  uniform REAL, majority REAL, shuffled REAL, format REAL, not_measurable TEXT, template TEXT,
  dev_raw REAL, dev_chat REAL, run INTEGER,
  PRIMARY KEY(node, scenario, cell)) WITHOUT ROWID;
)sql";

// The outputs of an evaluation have consecutive numbers in the order of its items, so a range of
// numbers identifies an evaluation's outputs, a new evaluation fills pages to the end, and an
// output needs no key of three columns. Items of a scenario share their lists of answers.
inline constexpr const char* kAnswerTables = R"sql(
CREATE TABLE answer_lists(answer_list INTEGER PRIMARY KEY, answers TEXT NOT NULL);
CREATE TABLE questions(
  scenario INTEGER NOT NULL, position INTEGER NOT NULL, item TEXT NOT NULL, cell TEXT,
  cluster TEXT, question TEXT, answer_list INTEGER NOT NULL, correct INTEGER, chain TEXT,
  PRIMARY KEY(scenario, position)) WITHOUT ROWID;
CREATE TABLE evaluations(
  node INTEGER NOT NULL, scenario INTEGER NOT NULL, first_output INTEGER NOT NULL,
  last_output INTEGER NOT NULL, PRIMARY KEY(node, scenario)) WITHOUT ROWID;
CREATE TABLE outputs(
  number INTEGER PRIMARY KEY, output TEXT, answer TEXT, chosen INTEGER, score REAL,
  log_likelihood REAL, format REAL, choices BLOB, samples TEXT, truncated INTEGER,
  skipped INTEGER);
)sql";

// `items` and `predictions` put the answer tables together, with the columns that the tables of
// these names had in version 3. `given` is the text of every answer: a chosen choice is stored by
// its index alone. An evaluation finds its outputs by their range and an output finds its question,
// while a question finds no output: likelihood() tells SQLite that the range is short, so that it
// joins in this order, whatever the query.
inline constexpr const char* kAnswerViews = R"sql(
CREATE VIEW items AS
  SELECT scenario, position, item, cell, cluster, question, answers, correct, chain
  FROM questions JOIN answer_lists USING(answer_list);
CREATE VIEW predictions AS
  SELECT e.node, e.scenario, o.number - e.first_output AS position, o.output,
         coalesce(o.answer, trim(o.output)) AS answer, o.chosen, o.score, o.log_likelihood,
         o.format, o.choices, o.samples, o.truncated, o.skipped
  FROM evaluations e JOIN outputs o
    ON likelihood(o.number >= e.first_output, 0.0001) AND o.number <= e.last_output;
CREATE VIEW given AS
  SELECT p.node, p.scenario, p.position, i.item, i.cell, i.cluster, i.question, i.answers,
         i.correct, coalesce(p.output, json_extract(i.answers, '$[' || p.chosen || ']')) AS output,
         coalesce(p.answer, p.output, json_extract(i.answers, '$[' || p.chosen || ']')) AS answer,
         p.chosen, p.score, p.log_likelihood, p.format, p.samples, p.truncated, p.skipped
  FROM predictions p JOIN items i USING(scenario, position);
)sql";

// `measured` adds names to the ids of a score. `current` has, for each node and scenario name, the
// measurement with the most items, the newest among equals, so that a small try replaces nothing;
// but only of the revision that was measured last: another revision has other questions or another
// prompt. CROSS JOIN keeps the order of the tables: a name has few scenarios, and a node has
// thousands of scores.
inline constexpr const char* kScoreViews = R"sql(
CREATE VIEW measured AS
  SELECT d.key AS node_key, d.name AS node_name, c.digest, c.predictions_of, c.name, c.ability,
         c.parent_row, c.title, c.metric, c.kind, c.unit, c.better, c.target, c.has_chance,
         c.method, c.reasoning, c.vote, c.shots, c.samples, s.*
  FROM scores s JOIN scenarios c USING(scenario) JOIN nodes d USING(node);
CREATE VIEW current AS
  SELECT * FROM measured s
  WHERE s.scenario = (
    SELECT m.scenario FROM scenarios o CROSS JOIN scores m
      ON m.scenario = o.scenario AND m.node = s.node AND m.cell = ''
    WHERE o.name = s.name AND o.revision = (
      SELECT q.revision FROM scenarios q CROSS JOIN scores l
        ON l.scenario = q.scenario AND l.node = s.node AND l.cell = ''
      WHERE q.name = s.name ORDER BY l.run DESC LIMIT 1)
    ORDER BY o.n DESC, m.run DESC LIMIT 1);
)sql";

// From version 3, whose tables `items` and `predictions` have the columns of the views. There an
// answer was NULL where it equals the output, here where it equals the trimmed output.
inline constexpr const char* kSetVersion3Aside = R"sql(
DROP VIEW given;
DROP VIEW current;
DROP VIEW measured;
ALTER TABLE items RENAME TO items_3;
ALTER TABLE predictions RENAME TO predictions_3;
)sql";
inline constexpr const char* kMoveFromVersion3 = R"sql(
CREATE TEMP TABLE numbered AS
  SELECT *, dense_rank() OVER (ORDER BY scenario, answers) AS answer_list FROM items_3;
INSERT INTO answer_lists SELECT DISTINCT answer_list, coalesce(answers, '[]') FROM numbered;
INSERT INTO questions
  SELECT scenario, position, item, cell, cluster, question, answer_list, correct, chain
  FROM numbered ORDER BY scenario, position;
DROP TABLE numbered;
INSERT INTO evaluations
  SELECT node, scenario, sum(n) OVER before - n + 1, sum(n) OVER before
  FROM (SELECT node, scenario, max(position) + 1 AS n FROM predictions_3 GROUP BY node, scenario)
  WINDOW before AS (ORDER BY node, scenario ROWS UNBOUNDED PRECEDING);
INSERT INTO outputs
  SELECT e.first_output + p.position, p.output,
         CASE WHEN p.output IS NULL THEN p.answer
              WHEN coalesce(p.answer, p.output) = trim(p.output) THEN NULL
              ELSE coalesce(p.answer, p.output) END,
         p.chosen, p.score, p.log_likelihood, p.format, p.choices, p.samples, p.truncated,
         p.skipped
  FROM evaluations e CROSS JOIN predictions_3 p USING(node, scenario);
DROP TABLE items_3;
DROP TABLE predictions_3;
)sql";

}  // namespace lineage
