#pragma once

#include <filesystem>
#include <optional>

#include "lineage/report/report.h"

namespace lineage {

// What a node of one seed measured of itself, from the files of checkpoint/node_files.h that
// stages/reward_report.cc and stages/feedback_outcome.cc write (docs/formats.md). The caller sets
// node and seed. No file: none. A file that is not whole is an Error that names it.
std::optional<ReportReward> read_reward(const std::filesystem::path& node);
std::optional<ReportFeedback> read_feedback(const std::filesystem::path& node);

// The words of all rewards and feedback of a report, in the order of their enums.
std::vector<ReportWord> words_of(const Report&);

}  // namespace lineage
