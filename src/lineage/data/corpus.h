#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "lineage/data/dataset.h"
#include "lineage/data/shards.h"

namespace lineage {

// Many shards as one: a list of documents (the Dataset, each ending with end_of_text, all weights
// 1) and one stream of tokens. Memory-mapped, so it may be larger than memory.
class Corpus final : public Dataset {
 public:
  Corpus(std::string name, const std::vector<std::filesystem::path>& shards,
         const std::string& tokenizer_digest, bool verify);

  std::string name() const override { return name_; }
  std::string digest() const override { return digest_; }
  int64_t size() const override { return total_.documents; }
  Example get(int64_t document) const override;
  int64_t length(int64_t document) const override;
  Example piece(int64_t document, int64_t first, int64_t count) const override;

  int64_t tokens() const { return total_.tokens; }  // with an end_of_text for each document
  int64_t bytes() const { return total_.bytes; }    // of text, for bits per byte
  // Tokens [first, first + count) of the stream, and where in them documents begin (> 0).
  Example stream(int64_t first, int64_t count) const;

 private:
  struct Place {
    size_t shard;
    int64_t index;  // within the shard
  };
  // The shard that holds the document or token `index`; `before` counts those before each shard.
  static Place locate(const std::vector<int64_t>& before, int64_t index);

  std::string name_, digest_;
  std::vector<Shard> shards_;
  std::vector<int64_t> documents_before_, tokens_before_;
  ShardStats total_;
};
using CorpusPtr = std::shared_ptr<const Corpus>;

}  // namespace lineage
