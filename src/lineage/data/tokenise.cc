#include "lineage/data/tokenise.h"

#include <fmt/format.h>

#include <cmath>
#include <future>
#include <limits>
#include <optional>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/parallel.h"
#include "lineage/data/hash_set.h"
#include "lineage/data/shards.h"

namespace lineage {
namespace {

constexpr size_t kLongDocument = 512 * 1024;  // worth all threads for itself

struct Item {
  RawDocument document;
  uint64_t hash = 0;  // of its text
  bool heldout = false;
  std::vector<Token> tokens;
};
using Items = std::vector<Item>;

uint64_t hash_of(std::string_view text) {
  return std::stoull(digest_of(text).substr(0, 16), nullptr, 16);
}

// A side of the split: its shards as they are written.
struct Side {
  std::string prefix;
  ShardWriter writer;
  std::vector<std::string> files;
  ShardStats total;

  void add(std::span<const Token> tokens, int64_t bytes) {
    writer.add(tokens, bytes);
    total.documents += 1;
    total.tokens += static_cast<int64_t>(tokens.size());
    total.bytes += bytes;
  }
  void flush(const std::filesystem::path& folder) {
    if (writer.stats().documents == 0) return;
    files.push_back(fmt::format("{}-{:05}.tokens", prefix, files.size()));
    writer.write(folder / files.back());
  }
};

class Pass {
 public:
  // Documents with a hash below `threshold` are held out.
  Pass(const std::string& name, const SourceConfig& config, const Tokenizer& tokenizer,
       std::filesystem::path folder, int64_t shard_bytes, uint64_t threshold)
      : name_(name),
        config_(config),
        tokenizer_(tokenizer),
        end_of_text_(tokenizer.special(Special::end_of_text)),
        folder_(std::move(folder)),
        shard_bytes_(shard_bytes),
        batch_bytes_((size_t{2} << 20) * static_cast<size_t>(num_threads())),
        threshold_(threshold),
        source_(open_source(config, name)),
        train_{"train", {tokenizer.digest(), tokenizer.vocab()}, {}, {}},
        heldout_{"heldout", {tokenizer.digest(), tokenizer.vocab()}, {}, {}} {}

  // While one batch is tokenised, a thread reads the next.
  void run(Progress& progress) {
    std::future<Items> next = std::async(std::launch::async, [&] { return read(); });
    for (;;) {
      Items batch = next.get();
      if (batch.empty()) break;
      const double fraction = source_->fraction();
      next = std::async(std::launch::async, [&] { return read(); });
      refine(batch);
      choose(batch);
      encode(batch);
      append(batch);
      progress.update("tokenise " + name_, fraction,
                      fmt::format("{} documents, {:.1f}M tokens", documents(),
                                  static_cast<double>(tokens()) / 1e6));
    }
    train_.flush(folder_);
    heldout_.flush(folder_);
    check_not_empty();
  }

  int64_t documents() const { return train_.total.documents + heldout_.total.documents; }
  int64_t tokens() const { return train_.total.tokens + heldout_.total.tokens; }
  // The threshold that gives each side at least one document, when this one did not.
  std::optional<uint64_t> better_threshold() const {
    if (train_.files.empty()) return documents() == 1 ? 0 : highest_;
    if (heldout_.files.empty() && threshold_ > 0 && lowest_ < highest_) return lowest_ + 1;
    return std::nullopt;
  }
  void remove_files() const {
    remove_ours(folder_, [&](const fs::path& file) {
      const auto wrote = [&](const Side& side) {
        return std::ranges::find(side.files, file.string()) != side.files.end();
      };
      return wrote(train_) || wrote(heldout_);
    });
  }

  TokenisedShards result() && {
    TokenisedShards out{std::move(train_.files), std::move(heldout_.files), std::move(record_)};
    SourceRecord& r = out.record;
    r.files = static_cast<int64_t>(source_->files().size());
    r.documents = train_.total.documents;
    r.bytes = train_.total.bytes;
    r.tokens = train_.total.tokens;
    r.heldout_documents = heldout_.total.documents;
    r.heldout_bytes = heldout_.total.bytes;
    r.heldout_tokens = heldout_.total.tokens;
    return out;
  }

 private:
  Items read() {
    Items batch;
    size_t bytes = 0;
    for (Item item; bytes < batch_bytes_ && source_->read(item.document);) {
      bytes += item.document.text.size() + 256;
      batch.push_back(std::move(item));
    }
    return batch;
  }

  void refine(Items& batch) const {
    const auto refine_one = [&](int64_t i, int64_t, int64_t) {
      Item& item = batch[static_cast<size_t>(i)];
      source_->refine(item.document);
      if (item.document.dropped.empty()) item.hash = hash_of(item.document.text);
    };
    parallel_blocks(static_cast<int64_t>(batch.size()), 1, refine_one, true);
  }

  // In order of the documents: of equal ones the first stays.
  void choose(Items& batch) {
    for (Item& item : batch) {
      RawDocument& document = item.document;
      if (document.dropped.empty() && config_.deduplicate && !seen_.insert(item.hash))
        document.dropped = dropped::kDuplicate;
      if (!document.dropped.empty()) {
        ++record_.dropped[std::string(document.dropped)];
        continue;
      }
      record_.repaired += document.repaired;
      ++record_.licences[document.licence];
      item.heldout = item.hash < threshold_;
      lowest_ = std::min(lowest_, item.hash);
      highest_ = std::max(highest_, item.hash);
    }
  }

  void encode(Items& batch) const {
    const auto is_long = [](const Item& i) { return i.document.text.size() >= kLongDocument; };
    const auto encode_short = [&](int64_t i, int64_t, int64_t) {
      Item& item = batch[static_cast<size_t>(i)];
      if (item.document.dropped.empty() && !is_long(item))
        item.tokens = tokenizer_.encode(item.document.text);
    };
    parallel_blocks(static_cast<int64_t>(batch.size()), 1, encode_short, true);
    for (Item& item : batch)
      if (item.document.dropped.empty() && is_long(item))
        item.tokens = tokenizer_.encode_parallel(item.document.text);
  }

  void append(Items& batch) {
    for (Item& item : batch) {
      if (!item.document.dropped.empty()) continue;
      item.tokens.push_back(end_of_text_);
      Side& side = item.heldout ? heldout_ : train_;
      side.add(item.tokens, static_cast<int64_t>(item.document.text.size()));
      if (side.writer.memory() >= shard_bytes_) side.flush(folder_);
    }
  }

  void check_not_empty() const {
    if (documents() == 0) throw no_document_left(name_, config_, source_->files().size(), record_);
  }

  const std::string& name_;
  const SourceConfig& config_;
  const Tokenizer& tokenizer_;
  Token end_of_text_;
  std::filesystem::path folder_;
  int64_t shard_bytes_;
  size_t batch_bytes_;  // of documents read at a time; changes nothing in what is written
  uint64_t threshold_;
  std::unique_ptr<Source> source_;
  Side train_, heldout_;
  HashSet seen_;
  SourceRecord record_;
  uint64_t lowest_ = std::numeric_limits<uint64_t>::max(), highest_ = 0;
};

}  // namespace

Error no_document_left(const std::string& name, const SourceConfig& config, size_t files,
                       const SourceRecord& record) {
  const std::string why = describe_dropped(record);
  return Error(fmt::format("source {}: {}: {} file{}, no document left{}; wanted at least one",
                           name, fmt::join(config.paths, ", "), files, files == 1 ? "" : "s",
                           why.empty() ? " (all empty)" : ": " + why),
               "check paths, include and the filters of this source");
}

TokenisedShards tokenise(const std::string& name, const SourceConfig& config,
                         const Tokenizer& tokenizer, const std::filesystem::path& folder,
                         int64_t shard_bytes, Progress& progress) {
  uint64_t threshold = static_cast<uint64_t>(std::ldexp(config.heldout, 64));
  for (;;) {
    Pass pass(name, config, tokenizer, folder, shard_bytes, threshold);
    pass.run(progress);
    const std::optional<uint64_t> better = pass.better_threshold();
    if (!better) return std::move(pass).result();
    pass.remove_files();
    threshold = *better;
  }
}

}  // namespace lineage
