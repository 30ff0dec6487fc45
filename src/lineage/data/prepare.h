#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/data/corpus.h"
#include "lineage/data/provenance.h"
#include "lineage/data/source_config.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

struct PrepareOptions {
  std::filesystem::path cache{};  // folder of tokenised sources, one folder each
  bool verify = true;             // read every shard once to compare its checksum
  int64_t shard_bytes = int64_t{64} << 20;
  std::function<bool()> interrupted = {};  // ends the wait for another process
};

struct PreparedSource {
  CorpusPtr train;
  CorpusPtr heldout;  // empty when nothing is held out
  // The label of each held-out token: a number for each, laid out as `heldout`, and the names of
  // the numbers ("" for unlabelled tokens). Null for text without labels.
  CorpusPtr heldout_labels = nullptr;
  std::vector<std::string> label_names{};
  SourceRecord record;
};

// Reads a source, tokenises it on all threads and writes shards, or opens those that an earlier run
// wrote: they are keyed by the config, the names, sizes and times of the files, and the tokenizer.
// The same input gives the same bytes whatever the number of threads. A killed run leaves nothing
// that the next would take for complete. Of several processes that need the same shards one makes
// them and the others wait for it; ranks, which meet at barriers, prepare on one and open on the
// others after it. Memory stays constant except for 24 to 40 bytes per document for finding
// duplicates and for the split.
//
// The held-out part follows heldout_split.h: a share of the bytes, chosen by a hash of each text.
PreparedSource prepare_source(const std::string& name, const SourceConfig&, const Tokenizer&,
                              const PrepareOptions&, Progress& = silent());

// SourceRecord::digest of the shards in a cache's folder, from a source or generated; none if they
// are unfinished or damaged.
std::optional<std::string> prepared_digest(const std::filesystem::path& folder);

// Whether a file of such a folder, by its name there, is part of the cache, whole or partial.
bool is_prepared_file(const std::filesystem::path& file);

}  // namespace lineage
