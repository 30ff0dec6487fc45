#include "lineage/data/tokenise.h"

#include <fmt/format.h>

#include <future>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/parallel.h"
#include "lineage/data/hash_set.h"
#include "lineage/data/heldout_split.h"
#include "lineage/data/readable.h"
#include "lineage/data/shards.h"

namespace lineage {
namespace {

constexpr size_t kLongDocument = 512 * 1024;  // worth all threads for itself

struct Item {
  RawDocument document;
  uint64_t hash = 0;  // of its text
  size_t front = 0;   // bytes of text for training; the rest is held out
  std::vector<Token> tokens, heldout_tokens{};
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
  Pass(const std::string& name, const SourceConfig& config, const Tokenizer& tokenizer,
       std::filesystem::path folder, int64_t shard_bytes, HeldoutBorder border)
      : name_(name),
        config_(config),
        tokenizer_(tokenizer),
        end_of_text_(tokenizer.special(Special::end_of_text)),
        folder_(std::move(folder)),
        shard_bytes_(shard_bytes),
        batch_bytes_((size_t{2} << 20) * static_cast<size_t>(num_threads())),
        border_(border),
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
  // The border for the bytes read; this pass's own if it was right already.
  HeldoutBorder right_border() const { return heldout_border(sizes_, config_.heldout, true); }
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
    r.notes = source_->notes();
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
      Item& item = batch[i];
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
      const uint64_t order = document.about ? kHeldOutLast : item.hash;
      sizes_.push_back({order, std::ssize(document.text)});
      item.front = document.text.size();
      if (order < border_.hash)
        item.front = 0;
      else if (order == border_.hash)
        item.front = std::min(item.front, heldout_cut(document.text, border_.tail));
    }
  }

  void encode(Items& batch) const {
    const auto is_long = [](const Item& i) { return i.document.text.size() >= kLongDocument; };
    const auto encode_sides = [](Item& item, const auto& encode) {
      const std::string_view text = item.document.text;
      if (item.front > 0) item.tokens = encode(text.substr(0, item.front));
      if (item.front < text.size()) item.heldout_tokens = encode(text.substr(item.front));
    };
    const auto encode_short = [&](int64_t i, int64_t, int64_t) {
      Item& item = batch[i];
      if (item.document.dropped.empty() && !is_long(item))
        encode_sides(item, [&](std::string_view text) { return tokenizer_.encode(text); });
    };
    parallel_blocks(static_cast<int64_t>(batch.size()), 1, encode_short, true);
    for (Item& item : batch)
      if (item.document.dropped.empty() && is_long(item))
        encode_sides(item, [&](std::string_view text) { return tokenizer_.encode_parallel(text); });
  }

  void append(Items& batch) {
    for (Item& item : batch) {
      if (!item.document.dropped.empty()) continue;
      const auto size = std::ssize(item.document.text), front = static_cast<int64_t>(item.front);
      append(train_, item.tokens, front);
      append(heldout_, item.heldout_tokens, size - front);
    }
  }

  void append(Side& side, std::vector<Token>& tokens, int64_t bytes) {
    if (bytes == 0) return;
    tokens.push_back(end_of_text_);
    side.add(tokens, bytes);
    if (side.writer.memory() >= shard_bytes_) side.flush(folder_);
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
  size_t batch_bytes_;  // of documents read at a time; does not affect the output
  HeldoutBorder border_;
  std::unique_ptr<Source> source_;
  Side train_, heldout_;
  HashSet seen_;
  SourceRecord record_;
  std::vector<HashedSize> sizes_;  // of the documents kept
};

}  // namespace

Error no_document_left(const std::string& name, const SourceConfig& config, size_t files,
                       const SourceRecord& record) {
  const std::string why = describe_dropped(record);
  std::string help = "check paths, include and the filters of this source";
  for (auto kind = FileKind::empty; kind < FileKind::binary;
       kind = static_cast<FileKind>(static_cast<int>(kind) + 1))
    if (record.dropped.contains(std::string(reason_of(kind))) && kind != FileKind::empty)
      if (std::string with_kind = file_kind_help(kind, "FILE"); !with_kind.empty())
        help = std::move(with_kind);
  return Error(fmt::format("source {}: {}: {} file{}, no document left{}; wanted at least one",
                           name, fmt::join(config.paths, ", "), files, files == 1 ? "" : "s",
                           why.empty() ? " (all empty)" : ": " + why),
               std::move(help));
}

TokenisedShards tokenise(const std::string& name, const SourceConfig& config,
                         const Tokenizer& tokenizer, const std::filesystem::path& folder,
                         int64_t shard_bytes, Progress& progress) {
  HeldoutBorder border = first_border(config.heldout);
  for (;;) {
    Pass pass(name, config, tokenizer, folder, shard_bytes, border);
    pass.run(progress);
    const HeldoutBorder right = pass.right_border();
    if (right == border) return std::move(pass).result();
    pass.remove_files();
    border = right;
  }
}

}  // namespace lineage
