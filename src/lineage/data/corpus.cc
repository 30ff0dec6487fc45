#include "lineage/data/corpus.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include "lineage/base/digest.h"
#include "lineage/base/parallel.h"

namespace lineage {

Corpus::Corpus(std::string name, const std::vector<std::filesystem::path>& shards,
               const std::string& tokenizer_digest, bool verify)
    : name_(std::move(name)) {
  std::vector<std::optional<Shard>> opened(shards.size());
  const auto open = [&](int64_t i, int64_t, int64_t) {
    const size_t k = static_cast<size_t>(i);
    opened[k].emplace(shards[k], tokenizer_digest, verify);
  };
  parallel_blocks(static_cast<int64_t>(shards.size()), 1, open, true);
  Digest digest;
  digest.field("corpus").field(tokenizer_digest);
  for (std::optional<Shard>& shard : opened) {
    documents_before_.push_back(total_.documents);
    tokens_before_.push_back(total_.tokens);
    total_.documents += shard->stats().documents;
    total_.tokens += shard->stats().tokens;
    total_.bytes += shard->stats().bytes;
    digest.field(shard->digest());
    shards_.push_back(std::move(*shard));
  }
  digest_ = digest.hex();
}

Corpus::Place Corpus::locate(const std::vector<int64_t>& before, int64_t index) {
  const auto it = std::upper_bound(before.begin(), before.end(), index) - 1;
  return {static_cast<size_t>(it - before.begin()), index - *it};
}

int64_t Corpus::length(int64_t document) const {
  assert(document >= 0 && document < size());
  const Place at = locate(documents_before_, document);
  const Shard& shard = shards_[at.shard];
  return shard.begin_of(at.index + 1) - shard.begin_of(at.index);
}

Example Corpus::get(int64_t document) const { return piece(document, 0, length(document)); }

Example Corpus::piece(int64_t document, int64_t first, int64_t count) const {
  assert(first >= 0 && count >= 0 && first + count <= length(document));
  const Place at = locate(documents_before_, document);
  const Shard& shard = shards_[at.shard];
  Example example;
  example.tokens.resize(static_cast<size_t>(count));
  example.weights.assign(static_cast<size_t>(count), 1.f);
  shard.copy(shard.begin_of(at.index) + first, count, example.tokens.data());
  return example;
}

Example Corpus::stream(int64_t first, int64_t count) const {
  assert(first >= 0 && count >= 0 && first + count <= tokens());
  Example row;
  row.tokens.resize(static_cast<size_t>(count));
  row.weights.assign(static_cast<size_t>(count), 1.f);
  for (int64_t done = 0; done < count;) {
    const Place at = locate(tokens_before_, first + done);
    const Shard& shard = shards_[at.shard];
    const int64_t n = std::min(count - done, shard.stats().tokens - at.index);
    shard.copy(at.index, n, row.tokens.data() + done);
    if (done > 0) row.starts.push_back(static_cast<int32_t>(done));
    for (int64_t d = shard.document_at(at.index) + 1; shard.begin_of(d) < at.index + n; ++d)
      row.starts.push_back(static_cast<int32_t>(shard.begin_of(d) - at.index + done));
    done += n;
  }
  return row;
}

}  // namespace lineage
