#pragma once

#include <string>
#include <vector>

#include "lineage/text/chat.h"

namespace lineage {

// A prompt that people rank answers to. Without answers, models are still to be asked for some.
struct RankPrompt {
  std::vector<Turn> messages;          // the last is a user's
  std::vector<std::string> answers{};  // none, or two to kMostRanked that differ
};
inline constexpr size_t kMostRanked = 9;  // one key each

struct RankFile {
  std::string name;
  std::vector<RankPrompt> prompts;
};

// The file of `lineage serve --rank`: prompts alone, as conversations are read (docs/formats.md),
// and prompts with a list of answers, or a chosen and a rejected one. What a record says of the
// answers' order is not read: people are to say it. `notes`: parts of records that are not used.
// An Error names the line.
RankFile read_rank_file(const std::string& path, std::vector<std::string>* notes);

}  // namespace lineage
