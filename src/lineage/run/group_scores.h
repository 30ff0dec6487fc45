#pragma once

#include <string>
#include <vector>

#include "lineage/eval/database.h"
#include "lineage/eval/scenarios/file_scenario.h"

namespace lineage {

// The mean score of a group for a node, each task weighing the same; its row is called like the
// group. The interval is that of a mean of independent numbers with intervals of their own (Zou and
// Donner 2008, equation 5), which has a width where all tasks are at 0. Returns its digest; ""
// where a task was not measured or no item of it fits the model.
std::string write_group_score(Database&, const std::string& node, const QuestionGroup&);

}  // namespace lineage
