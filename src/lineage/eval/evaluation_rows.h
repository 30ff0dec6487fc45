#pragma once

#include <string>
#include <vector>

#include "lineage/eval/database.h"
#include "lineage/eval/sqlite_file.h"

namespace lineage {

std::string json_text(const std::vector<std::string>&);  // invalid UTF-8 is replaced

// Writes the rows of an evaluation, within a transaction of the caller's. `run`: the row of `runs`
// that its scores name, or 0.
void write_evaluation(const SqliteFile&, const Evaluation&, int64_t run);

// Updates the columns of a recorded scenario and its aggregates that no digest covers (ability,
// title, parent_row). Writes only where they differ.
void update_scenario_texts(const SqliteFile&, const ScenarioRecord&);

}  // namespace lineage
