#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace lineage {

// The provenance of one source of a run; the checkpoint's manifest keeps it.
struct SourceRecord {
  std::string name, kind, licence;  // licence: as the config states it
  std::vector<std::string> paths;
  int64_t files = 0;
  int64_t documents = 0, bytes = 0, tokens = 0;  // for training; bytes of text; end_of_text counts
  int64_t heldout_documents = 0, heldout_bytes = 0, heldout_tokens = 0;
  int64_t repaired = 0;                     // documents in which invalid UTF-8 was replaced
  int64_t truncated = 0;                    // conversations cut to the context
  std::map<std::string, int64_t> dropped;   // documents by reason
  std::map<std::string, int64_t> notes{};   // other unused or changed parts, with their counts
  std::map<std::string, int64_t> licences;  // documents kept, by the licence found or stated
  std::string digest;                       // of all tokens, trained on and held out
  double weight = 1;                        // from the config
  double epochs = 0;                        // passes of training through it
  bool generated = false;  // a model of the tree wrote it, so it differs from seed to seed

  bool operator==(const SourceRecord&) const = default;
};

void to_json(nlohmann::json&, const SourceRecord&);
void from_json(const nlohmann::json&, SourceRecord&);

// "4 dropped (3 binary, 1 empty), 2 cut to the context, 1 with invalid text replaced, rejected not
// used: 3"; "" when there is nothing to report.
std::string describe_dropped(const SourceRecord&);

}  // namespace lineage
