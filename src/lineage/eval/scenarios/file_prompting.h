#pragma once

#include "lineage/eval/scenarios/file_scenario.h"
#include "lineage/eval/scenarios/question_set.h"

namespace lineage {

// Sets prompt, metrics and comparison of answers as the format's authors or lm-evaluation-harness
// do (docs/benchmarks.md has both), and as the options say. An Error for options that do not fit
// the questions.
void set_prompting(ScenarioSpec&, QuestionSet&, const FileScenarioOptions&);

}  // namespace lineage
