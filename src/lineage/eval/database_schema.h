#pragma once

namespace lineage {

inline constexpr int kApplicationId = 0x4C494E47;  // "LING"
inline constexpr int kSchemaVersion = 3;

// docs/formats.md, "scores.sqlite", says what each column means. Rows refer to each other by small
// integers, which hold for one file alone; across files, a node is known by its key, a scenario by
// its digest and an item by its id.
inline constexpr const char* kSchema = R"sql(
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
CREATE TABLE items(
  scenario INTEGER NOT NULL, position INTEGER NOT NULL, item TEXT NOT NULL, cell TEXT,
  cluster TEXT, question TEXT, answers TEXT, correct INTEGER, chain TEXT,
  PRIMARY KEY(scenario, position)) WITHOUT ROWID;
CREATE TABLE predictions(
  node INTEGER NOT NULL, scenario INTEGER NOT NULL, position INTEGER NOT NULL, output TEXT,
  answer TEXT, chosen INTEGER, score REAL, log_likelihood REAL, format REAL, choices BLOB,
  samples TEXT, truncated INTEGER, skipped INTEGER,
  PRIMARY KEY(node, scenario, position)) WITHOUT ROWID;
CREATE TABLE scores(
  node INTEGER NOT NULL, scenario INTEGER NOT NULL, cell TEXT NOT NULL, n INTEGER, skipped INTEGER,
  truncated INTEGER, seed INTEGER, score REAL, low REAL, high REAL, error REAL,
  log_likelihood REAL, log_likelihood_low REAL, log_likelihood_high REAL, chance REAL,
  uniform REAL, majority REAL, shuffled REAL, format REAL, not_measurable TEXT, template TEXT,
  dev_raw REAL, dev_chat REAL, run INTEGER,
  PRIMARY KEY(node, scenario, cell)) WITHOUT ROWID;
)sql";

// `measured` names what the numbers of a score refer to. `current` is, of each node and scenario
// name, the measurement with the most items, the newest among equals, so that a small try replaces
// nothing; but only of the revision that was measured last: another revision asks other questions
// or asks them in another way. CROSS JOIN keeps the order of the tables: a name has few scenarios,
// and a node has thousands of scores. `given` is the text of every answer: a chosen choice is
// stored by its index alone.
inline constexpr const char* kViews = R"sql(
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
CREATE VIEW given AS
  SELECT p.node, p.scenario, p.position, i.item, i.cell, i.cluster, i.question, i.answers,
         i.correct, coalesce(p.output, json_extract(i.answers, '$[' || p.chosen || ']')) AS output,
         coalesce(p.answer, p.output, json_extract(i.answers, '$[' || p.chosen || ']')) AS answer,
         p.chosen, p.score, p.log_likelihood, p.format, p.samples, p.truncated, p.skipped
  FROM predictions p JOIN items i USING(scenario, position);
)sql";

}  // namespace lineage
