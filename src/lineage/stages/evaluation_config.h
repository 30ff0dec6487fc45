#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lineage/base/config.h"

namespace lineage {

// Questions in files with options of their own, those of `lineage eval --file`.
struct QuestionsConfig {
  std::vector<std::string> paths = {};
  int64_t n = 0, shots = 0, samples = 1;
  bool chain = false, complexity = false, skip_malformed = false;
  std::string chain_prompt = {}, preamble = {}, examples = {};
  std::vector<std::string> leave_out = {};
};

template <class V>
void fields(V& v, QuestionsConfig& c) {
  v("paths", c.paths, "files, folders or patterns, in a format that `lineage eval --file` reads",
    kPaths);
  v("n", c.n, "questions of each file; 0: as evaluation.n and tokens say", between(0, 1e9));
  v("shots", c.shots, "demonstrations before each question", between(0, 10'000));
  v("chain", c.chain, "ask for a chain of thought");
  v("chain_prompt", c.chain_prompt,
    "a text with worked examples for chain, or a folder with one for each file", kPaths);
  v("preamble", c.preamble, "a text before every question", kPaths);
  v("examples", c.examples,
    "a file or folder whose first questions are the demonstrations; all of paths are asked",
    kPaths);
  v("samples", c.samples, "chains a question, whose answers vote; or programs, for pass@k",
    between(1, 10'000));
  v("complexity", c.complexity, "only the half of the chains with most steps votes");
  v("skip_malformed", c.skip_malformed, "leave out records that cannot be read");
  v("leave_out", c.leave_out, "keys of the records that are no part of a question");
}

// The evaluation of a run's nodes after growing. No part of a node's identity.
struct EvaluationConfig {
  bool enabled = true;
  std::vector<std::string> abilities = {};
  std::vector<std::string> files = {};
  std::map<std::string, QuestionsConfig> questions = {};
  int64_t n = 0, tokens = 30'000, dev = 64;
  uint64_t seed = 1;
};

template <class V>
void fields(V& v, EvaluationConfig& c) {
  v("enabled", c.enabled,
    "measure the nodes once they are grown: by files, and those of the micro-world by its suite");
  v("abilities", c.abilities,
    "of the suite only these abilities (A01) or scenarios (A12.hop.chain); empty: all");
  v("files", c.files,
    "questions in files, folders or patterns, each file a row of the report under its own name",
    kPaths);
  v("questions", c.questions, "files with options; NAME is the row's, or a folder's in its rows");
  v("n", c.n, "items a scenario; 0: its own number, within tokens", between(0, 1e9));
  v("tokens", c.tokens,
    "a scenario's prompts take about so many tokens; 0: its own number of items", between(0, 1e9));
  v("dev", c.dev, "at most so many further items choose the template", between(0, 1e9));
  v("seed", c.seed, "of demonstrations and draws");
}

}  // namespace lineage
