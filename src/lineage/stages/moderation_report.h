#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "lineage/checkpoint/node_files.h"

namespace lineage {

// The kind of requests of world/feedback/same_wording.h.
inline constexpr const char* kSameWording = "same_wording";

// A request that a content filter has judged.
struct JudgedRequest {
  std::string
      kind;  // of world/feedback/prompts.h, or kSameWording; of files "improper", "harmless"
  std::string about;  // what it shares with others (Requests::about()); "": nothing
  bool improper = false;
  float logit = 0;  // of its being improper
};

// The probability from which a filter flags a request: of the thresholds that flag at most the
// share `max_flagged` of the harmless requests, the one with the greatest difference of the flagged
// shares of improper and of harmless ones (Youden 1950), in the middle of two neighbouring logits;
// of several that are as good, in the widest gap. In (0, 1]. Both kinds are among the requests.
double flag_threshold(std::span<const JudgedRequest>, double max_flagged);

// The content of kModerationReport (docs/formats.md), with a threshold that was chosen on the
// requests `set_aside` from training: what the filter says of those, and of `heldout` ones, each of
// which is another text. Intervals count what requests share, such as an intent in several
// wordings, as one. Without improper or without harmless requests held out, those rows are absent
// that need them.
nlohmann::json moderation_report(double threshold, double max_flagged,
                                 std::span<const JudgedRequest> set_aside,
                                 std::span<const JudgedRequest> heldout);

}  // namespace lineage
