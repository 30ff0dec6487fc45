#pragma once

namespace lineage {

inline constexpr int kApplicationId = 0x4C494E47;  // "LING"
inline constexpr int kSchemaVersion = 1;

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
  n INTEGER, seed INTEGER) WITHOUT ROWID;
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
CREATE VIEW current AS
  SELECT d.name AS node_name, c.name, c.ability, c.title, c.metric, c.method, c.reasoning, c.vote,
         c.shots, c.samples, c.headline AS of_ability, s.*, max(s.run) AS newest
  FROM scores s JOIN scenarios c USING(scenario) JOIN nodes d USING(node)
  GROUP BY s.node, c.name, s.cell;
)sql";

}  // namespace lineage
