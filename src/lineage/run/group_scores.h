#pragma once

#include <string>
#include <vector>

#include "lineage/eval/database.h"
#include "lineage/eval/scenarios/file_scenario.h"

namespace lineage {

// The mean score of a group for a node, each task weighing the same, with the error of independent
// means; its row is called like the group. Returns its digest; "" where a task was not measured or
// no item of it fits the model.
std::string write_group_score(Database&, const std::string& node, const QuestionGroup&);

}  // namespace lineage
