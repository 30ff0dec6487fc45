#pragma once

namespace lineage {

inline constexpr int kApplicationId = 0x4C494E47;  // "LING"
inline constexpr int kSchemaVersion = 2;

// docs/formats.md, "scores.sqlite", says what each column means.
inline constexpr const char* kSchema = R"sql(
CREATE TABLE nodes(
  node TEXT PRIMARY KEY, name TEXT NOT NULL, stage TEXT, weights TEXT, parents TEXT,
  seed INTEGER, tokens INTEGER, parameters INTEGER, folder TEXT) WITHOUT ROWID;
CREATE TABLE runs(
  run INTEGER PRIMARY KEY, started TEXT NOT NULL, command TEXT, version TEXT, seed INTEGER);
CREATE TABLE scenarios(
  scenario TEXT PRIMARY KEY, name TEXT NOT NULL, ability TEXT NOT NULL, title TEXT, metric TEXT,
  method TEXT, reasoning TEXT, vote TEXT, shots INTEGER, samples INTEGER, headline INTEGER,
  n INTEGER, seed INTEGER, revision TEXT, kind TEXT) WITHOUT ROWID;
CREATE TABLE items(
  scenario TEXT NOT NULL, item TEXT NOT NULL, position INTEGER, cell TEXT, cluster TEXT,
  question TEXT, answers TEXT, correct INTEGER, chain TEXT,
  PRIMARY KEY(scenario, item)) WITHOUT ROWID;
CREATE TABLE predictions(
  node TEXT NOT NULL, scenario TEXT NOT NULL, item TEXT NOT NULL, output TEXT, answer TEXT,
  chosen INTEGER, headline REAL, graded REAL, format REAL, choices TEXT, samples TEXT,
  truncated INTEGER, skipped INTEGER, PRIMARY KEY(node, scenario, item)) WITHOUT ROWID;
CREATE TABLE scores(
  node TEXT NOT NULL, scenario TEXT NOT NULL, cell TEXT NOT NULL, n INTEGER, skipped INTEGER,
  truncated INTEGER, seed INTEGER, headline REAL, low REAL, high REAL, error REAL, graded REAL,
  graded_low REAL, graded_high REAL, chance REAL, uniform REAL, majority REAL, shuffled REAL,
  format REAL, gate TEXT, template TEXT, dev_raw REAL, dev_chat REAL, run INTEGER,
  PRIMARY KEY(node, scenario, cell)) WITHOUT ROWID;
)sql";

// Of each node and scenario name, the measurement with the most items, the newest among equals, so
// that a small try replaces nothing; but only of the revision that was measured last: another
// revision asks other questions or asks them in another way. A revision that is not known
// (databases of version 1) counts as the same.
inline constexpr const char* kView = R"sql(
CREATE INDEX scenario_names ON scenarios(name);
CREATE VIEW current AS
  SELECT d.name AS node_name, c.name, c.ability, c.title, c.metric, c.kind, c.method, c.reasoning,
         c.vote, c.shots, c.samples, c.headline AS of_ability, s.*
  FROM scores s JOIN scenarios c USING(scenario) JOIN nodes d USING(node)
  WHERE s.scenario = (
    SELECT m.scenario FROM scenarios o JOIN scores m
      ON m.scenario = o.scenario AND m.node = s.node AND m.cell = ''
    WHERE o.name = c.name AND coalesce(o.revision = (
      SELECT q.revision FROM scenarios q JOIN scores l
        ON l.scenario = q.scenario AND l.node = s.node AND l.cell = ''
      WHERE q.name = c.name AND q.revision IS NOT NULL ORDER BY l.run DESC LIMIT 1), 1)
    ORDER BY o.n DESC, m.run DESC LIMIT 1);
)sql";

// Version 1 said neither revisions nor kinds. A kind follows from the metric's name, that of a mean
// of details from the values that were measured.
inline constexpr const char* kUpgradeFrom1 = R"sql(
ALTER TABLE scenarios ADD COLUMN revision TEXT;
ALTER TABLE scenarios ADD COLUMN kind TEXT;
DROP VIEW current;
UPDATE scenarios SET kind = CASE
  WHEN metric IN ('difference', 'Youden''s J') THEN 'difference'
  WHEN metric IN ('words', 'nats') THEN 'amount'
  WHEN metric IN ('nats a token', 'log-odds') THEN 'real'
  WHEN metric = 'mean' AND (SELECT min(headline) FROM scores s
    WHERE s.scenario = scenarios.scenario) < -1e-9 THEN 'difference'
  WHEN metric = 'mean' AND (SELECT max(headline) FROM scores s
    WHERE s.scenario = scenarios.scenario) > 1 + 1e-9 THEN 'amount'
  ELSE 'share' END;
UPDATE scores SET low = 0
  WHERE low < 0 AND scenario IN (SELECT scenario FROM scenarios WHERE kind = 'amount');
)sql";

}  // namespace lineage
