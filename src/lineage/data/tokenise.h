#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/progress.h"
#include "lineage/data/provenance.h"
#include "lineage/data/source.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

struct TokenisedShards {
  std::vector<std::string> train, heldout;  // file names
  SourceRecord record;                      // counts only
};

// Reads a source, refines, drops duplicates, splits off the held-out part, tokenises, writes shards
// of about `shard_bytes` into `folder`. A second pass follows if the first shows that the border of
// the held-out part must move.
TokenisedShards tokenise(const std::string& name, const SourceConfig&, const Tokenizer&,
                         const std::filesystem::path& folder, int64_t shard_bytes, Progress&);

// The Error for a source none of whose documents is kept; `record` has the reasons.
Error no_document_left(const std::string& name, const SourceConfig&, size_t files,
                       const SourceRecord&);

}  // namespace lineage
