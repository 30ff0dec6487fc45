#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/progress.h"
#include "lineage/text/bpe_tokenizer.h"
#include "lineage/text/piece_counts.h"

namespace lineage {

struct BpeTrainOptions {
  int64_t vocab = 8192;  // tokens in all: 256 bytes, merges, special tokens
  Pattern pattern = Pattern::gpt2;
  // Their text in a document ends a piece and is not part of training.
  std::vector<std::string> specials = {"<|endoftext|>"};
  bool specials_first = false;  // ids before the bytes instead of after the merges
  int64_t min_frequency = 2;    // a pair that is rarer is not merged
};

// Learns byte-level BPE from documents (Sennrich et al. 2016, algorithm 1, over bytes). Counting
// runs on all threads; the result depends neither on their number nor on the order of documents.
//
//   BpeTrainer trainer({.vocab = 8192});
//   for (const fs::path& file : files) trainer.add_file(file);
//   auto tokenizer = trainer.train();
class BpeTrainer {
 public:
  // An Error when the options leave no room for the bytes and the special tokens.
  explicit BpeTrainer(BpeTrainOptions options);

  // A document of its own: no token is learned across its ends.
  void add(std::string_view document);
  void add_file(const fs::path&);

  int64_t documents() const { return documents_; }
  int64_t bytes() const { return bytes_; }

  // The vocabulary is smaller than requested when the text has too few pairs. An Error when there
  // was no text.
  std::shared_ptr<const BpeTokenizer> train(Progress& = silent());

 private:
  void count_pending();
  void count(std::span<const std::string_view> segments);

  BpeTrainOptions options_;
  TextMatcher delimiters_;
  std::vector<PieceCounts> counts_;  // one for each thread, in any division of the text
  std::string pending_;              // short documents, to be counted together
  std::vector<size_t> pending_ends_;
  int64_t documents_ = 0, bytes_ = 0;
};

std::shared_ptr<const BpeTokenizer> train_bpe(const BpeTrainOptions& options,
                                              std::span<const std::string_view> documents,
                                              Progress& = silent());

}  // namespace lineage
