#pragma once

namespace lineage {

// Files of measurements that a stage writes beside a node's checkpoint and the report reads
// (docs/formats.md, "Checkpoint").

// What a reward model orders rightly.
inline constexpr const char* kRewardReport = "reward.json";
// What learning from feedback changed.
inline constexpr const char* kFeedbackOutcome = "feedback.json";

// What a content filter tells apart, and the probability from which it flags a request.
inline constexpr const char* kModerationReport = "moderation.json";

}  // namespace lineage
