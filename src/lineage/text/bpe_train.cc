#include "lineage/text/bpe_train.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/parallel.h"
#include "lineage/text/byte_alphabet.h"
#include "lineage/text/merge_learner.h"
#include "lineage/text/pattern_scan.h"

namespace lineage {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 18;    // bytes that a thread counts at a time
constexpr size_t kPendingBytes = size_t{1} << 23;  // of short documents before they are counted

void check_options(const BpeTrainOptions& options) {
  const int64_t least = 256 + static_cast<int64_t>(options.specials.size());
  if (options.vocab < least || options.vocab > int64_t{1} << 24)
    throw Error("tokenizer: a vocabulary of " + std::to_string(options.vocab) + "; wanted " +
                    std::to_string(least) + " (256 bytes and the special tokens) to 16777216",
                "set tokenizer.vocab, for example to 8192");
  std::set<std::string> seen;
  for (const std::string& text : options.specials)
    if (text.size() < 2 || !seen.insert(text).second)
      throw Error("tokenizer: the special token \"" + text +
                      "\"; wanted texts of two characters or more, each once",
                  "set tokenizer.specials");
}

std::vector<SpecialToken> numbered(const std::vector<std::string>& texts, Token first) {
  std::vector<SpecialToken> specials;
  for (const std::string& text : texts) specials.push_back({first++, text});
  return specials;
}

template <class Scan>
void count_pieces(std::string_view text, const Scan& scan, PieceCounts& counts) {
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    const char* begin = std::exchange(p, scan(p, end));
    counts.add(begin, static_cast<size_t>(p - begin), static_cast<size_t>(end - begin));
  }
}

}  // namespace

BpeTrainer::BpeTrainer(BpeTrainOptions options) : options_(std::move(options)) {
  check_options(options_);
  delimiters_ = TextMatcher(numbered(options_.specials, 0));
}

void BpeTrainer::add(std::string_view document) {
  ++documents_;
  bytes_ += static_cast<int64_t>(document.size());
  if (document.size() >= kPendingBytes) return count({&document, 1});
  pending_ += document;
  pending_ends_.push_back(pending_.size());
  if (pending_.size() >= kPendingBytes) count_pending();
}

void BpeTrainer::add_file(const fs::path& path) {
  if (fs::is_regular_file(path) && fs::file_size(path) == 0) return add({});
  add(MappedFile(path).text());
}

void BpeTrainer::count_pending() {
  std::vector<std::string_view> documents;
  size_t begin = 0;
  for (size_t end : pending_ends_) {
    documents.push_back(std::string_view(pending_).substr(begin, end - begin));
    begin = end;
  }
  count(documents);
  pending_.clear();
  pending_ends_.clear();
}

void BpeTrainer::count(std::span<const std::string_view> documents) {
  std::vector<std::string_view> blocks;
  for (std::string_view document : documents)
    delimiters_.split(
        document,
        [&](std::string_view segment) {
          while (!segment.empty()) {
            const size_t cut = safe_split(segment, std::min(kBlockBytes, segment.size()));
            blocks.push_back(segment.substr(0, cut));
            segment.remove_prefix(cut);
          }
        },
        [](Token) {});
  const size_t threads = std::min(blocks.size(), static_cast<size_t>(num_threads()));
  if (counts_.size() < threads) counts_.resize(threads);
  std::atomic<size_t> next{0};
  parallel_blocks(static_cast<int64_t>(threads), 1, [&](int64_t thread, int64_t, int64_t) {
    PieceCounts& counts = counts_[thread];
    with_scanner(options_.pattern, [&](auto scan) {
      for (size_t i = next++; i < blocks.size(); i = next++) count_pieces(blocks[i], scan, counts);
    });
  });
}

std::shared_ptr<const BpeTokenizer> BpeTrainer::train(Progress& progress) {
  count_pending();
  if (counts_.empty()) counts_.resize(1);
  for (size_t i = 1; i < counts_.size(); ++i) counts_[0].add(std::exchange(counts_[i], {}));
  if (counts_[0].size() == 0)
    throw Error("tokenizer: the " + std::to_string(documents_) +
                    " documents to train on hold no text; wanted some",
                "check the paths of the tokenizer's sources");
  const Token specials = static_cast<Token>(options_.specials.size());
  const auto learned =
      MergeLearner(counts_[0])
          .learn(options_.vocab - 256 - specials, options_.min_frequency, progress);

  const Token first_byte = options_.specials_first ? specials : 0;
  BpeModel model;
  model.pattern = options_.pattern;
  model.tokens.resize(static_cast<size_t>(first_byte));
  std::vector<Token> id_of(256);  // of the learner's symbols
  for (uint8_t byte : byte_order()) {
    id_of[byte] = static_cast<Token>(model.tokens.size());
    model.tokens.emplace_back(1, static_cast<char>(byte));
  }
  for (const auto [left, right] : learned) {
    const Token l = id_of[left], r = id_of[right], id = static_cast<Token>(model.tokens.size());
    model.tokens.push_back(model.tokens[l] + model.tokens[r]);
    model.merges.push_back({l, r, id});
    id_of.push_back(id);
  }
  model.specials = numbered(options_.specials,
                            options_.specials_first ? 0 : static_cast<Token>(model.tokens.size()));
  return std::make_shared<BpeTokenizer>(std::move(model), "trained tokenizer");
}

std::shared_ptr<const BpeTokenizer> train_bpe(const BpeTrainOptions& options,
                                              std::span<const std::string_view> documents,
                                              Progress& progress) {
  BpeTrainer trainer(options);
  for (std::string_view document : documents) trainer.add(document);
  return trainer.train(progress);
}

}  // namespace lineage
