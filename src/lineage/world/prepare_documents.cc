#include "lineage/world/prepare_documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/parallel.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

constexpr const char* kIndex = "corpus.json";  // written last: a folder without it is unfinished
constexpr int64_t kDocumentsAtOnce = 4096;
constexpr int kLabels = 64;  // more than there are abilities

std::string labels_digest() { return digest_of("labels of a corpus"); }

Token label_of(TokenTag tag) { return tag.answer ? static_cast<Token>(tag.ability) : 0; }

// Bytes of the document's text: its words with a space after each.
int64_t text_bytes(const Document& d) {
  int64_t bytes = 0;
  for (const Token t : d.tokens)
    bytes += static_cast<int64_t>(Vocabulary::get().word(t).size()) + 1;
  return bytes;
}

// Writes all documents into one shard, in order, and their labels into another when `labels` is
// given.
ShardStats write_shard(const GeneratedDocuments& documents, const fs::path& shard,
                       const fs::path& labels) {
  const auto& tokenizer = *Vocabulary::get().tokenizer();
  ShardWriter writer(tokenizer.digest(), tokenizer.vocab()), label_writer(labels_digest(), kLabels);
  std::vector<Document> made;
  for (int64_t first = 0; first < documents.count; first += kDocumentsAtOnce) {
    made.resize(static_cast<size_t>(std::min(kDocumentsAtOnce, documents.count - first)));
    parallel_for(std::ssize(made), 64, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) made[i] = documents.document(first + i);
    });
    for (const Document& d : made) {
      writer.add(d.tokens, text_bytes(d));
      if (labels.empty()) continue;
      std::vector<Token> of_document(d.tags.size());
      std::ranges::transform(d.tags, of_document.begin(), label_of);
      label_writer.add(of_document, 0);
    }
  }
  const ShardStats stats = writer.stats();
  if (stats.documents > 0) {
    writer.write(shard);
    if (!labels.empty()) label_writer.write(labels);
  }
  return stats;
}

std::vector<std::string> label_names() {
  std::vector<std::string> names(kLabels);
  for (int i = 1; i < kLabels; ++i)
    if (const std::string_view name = ability_name(static_cast<Ability>(i)); name != "none")
      names[i] = name;
  return names;
}

}  // namespace

PreparedSource prepare_documents(const std::string& name, const std::string& kind,
                                 const std::string& key, const GeneratedDocuments& train,
                                 const GeneratedDocuments& heldout, const PrepareOptions& options,
                                 Progress& progress) {
  require(train.count > 0, "corpora.", name, ": no document; wanted more tokens");
  const fs::path folder = options.cache / (name + "-" + key.substr(0, 16));
  const fs::path shard = folder / "train.shard", held = folder / "heldout.shard",
                 labels = folder / "heldout-labels.shard";
  if (!fs::exists(folder / kIndex)) {
    const FolderLock lock(folder, LockWait{"corpus " + name, progress, options.interrupted});
    if (!fs::exists(folder / kIndex)) {
      const ShardStats written = write_shard(train, shard, {});
      write_shard(heldout, held, labels);
      write_file_atomic(folder / kIndex, nlohmann::json{{"key", key}}.dump() + "\n");
      progress.note(fmt::format("corpus {}: {} documents, {} tokens", name, written.documents,
                                written.tokens));
    }
  }
  const std::string& tokenizer = Vocabulary::get().tokenizer()->digest();
  PreparedSource out;
  const auto open = [&](const fs::path& file, const std::string& digest) {
    std::vector<fs::path> files;
    if (fs::exists(file)) files.push_back(file);
    return std::make_shared<Corpus>(name, files, digest, options.verify);
  };
  out.train = open(shard, tokenizer);
  out.heldout = open(held, tokenizer);
  out.heldout_labels = open(labels, labels_digest());
  out.label_names = label_names();
  SourceRecord& r = out.record;
  r.name = name;
  r.kind = kind;
  r.licence = "generated";
  r.documents = out.train->size();
  r.tokens = out.train->tokens();
  r.bytes = out.train->bytes();
  r.heldout_documents = out.heldout->size();
  r.heldout_tokens = out.heldout->tokens();
  r.heldout_bytes = out.heldout->bytes();
  r.digest = Digest().field(out.train->digest()).field(out.heldout->digest()).hex();
  return out;
}

}  // namespace lineage
