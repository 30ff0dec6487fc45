#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lineage/eval/database.h"

namespace lineage {

// An answer to an item; `right` where the metric says right or wrong.
struct ComparedAnswer {
  std::string text;
  double score = 0;
  std::optional<bool> right;
};

// An item whose answers by two nodes differ in score.
struct ItemDifference {
  std::string item, prompt, wanted;
  ComparedAnswer from, node;
  double gain = 0;  // of `node` over `from`: above 0 is better, or more where no value is better
};

struct ScoreDifferences {
  std::string scenario, cell;
  int64_t gained = 0, lost = 0, same = 0;
  int64_t unscored = 0;               // items that only a metric over all of them judges
  std::vector<ItemDifference> items;  // the greatest first, equal ones as they were asked
};

// The items of a row of the report (ReportAbility::id) on which two nodes differ. Nodes are given
// by their keys in the database; `tree` has those of all nodes of the report, which decide which
// rows there are. An Error for a row that there is not, that one of the two was not asked, or that
// they were asked in different ways.
ScoreDifferences score_differences(const Database&, const std::vector<std::string>& tree,
                                   const std::string& row, const std::string& node,
                                   const std::string& from);

}  // namespace lineage
