#include "lineage/data/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/config.h"
#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/file_name.h"
#include "lineage/base/folder.h"
#include "lineage/data/files.h"
#include "lineage/data/heldout_split.h"
#include "lineage/data/tokenise.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 3;
constexpr const char* kIndex = "corpus.json";  // written last: a folder without it is unfinished

// A digest of all that determines the shards; weight and licence do not.
std::string cache_key(SourceConfig config, const std::vector<InputFile>& files,
                      const Tokenizer& tokenizer, int64_t shard_bytes) {
  config.weight = 1;
  config.licence.clear();
  Digest digest;
  digest.field(fmt::format("tokens {} {}", kFormat, shard_bytes));
  digest.field(to_toml(config)).field(tokenizer.digest());
  for (const InputFile& file : files)
    digest.field(file.path.string()).field(fmt::format("{} {}", file.size, file.modified));
  return digest.hex();
}

// The shards of a cache's folder whose names begin so, by name.
std::vector<fs::path> shards_of(const fs::path& folder, const std::string& beginning) {
  std::vector<fs::path> shards;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool one = name == beginning + ".shard";  // of a generated corpus
    if (one || (name.starts_with(beginning + "-") && name.ends_with(".tokens")))
      shards.push_back(entry.path());
  }
  std::ranges::sort(shards);
  return shards;
}

void make(const std::string& name, const SourceConfig& config, const Tokenizer& tokenizer,
          const PrepareOptions& options, const fs::path& folder, Progress& progress) {
  const FolderLock lock(folder, LockWait{"source " + name, progress, options.interrupted});
  if (fs::exists(folder / kIndex)) return;  // another run finished it just now
  remove_ours(folder, is_prepared_file);    // of a killed run
  const TokenisedShards made =
      tokenise(name, config, tokenizer, folder, options.shard_bytes, progress);
  nlohmann::json index = {{"format", kFormat},
                          {"train", made.train},
                          {"heldout", made.heldout},
                          {"record", made.record}};
  write_file_atomic(folder / kIndex, index.dump(2) + "\n");
}

std::vector<fs::path> in_folder(const fs::path& folder, const nlohmann::json& names) {
  std::vector<fs::path> paths;
  for (const auto& name : names) paths.push_back(folder / name.get<std::string>());
  return paths;
}

PreparedSource open(const std::string& name, const Tokenizer& tokenizer,
                    const PrepareOptions& options, const fs::path& folder) {
  const std::string text = read_file(folder / kIndex);
  PreparedSource out;
  std::vector<fs::path> train, heldout;
  try {
    const auto index = nlohmann::json::parse(text);
    train = in_folder(folder, index.at("train"));
    heldout = in_folder(folder, index.at("heldout"));
    out.record = index.at("record").get<SourceRecord>();
  } catch (const nlohmann::json::exception& e) {
    throw Error(fmt::format("{}: {}; wanted the index of a tokenised source",
                            (folder / kIndex).string(), e.what()),
                "remove the folder; it is made again from the source");
  }
  out.train = std::make_shared<Corpus>(name, train, tokenizer.digest(), options.verify);
  out.heldout =
      std::make_shared<Corpus>(name + " (held out)", heldout, tokenizer.digest(), options.verify);
  const SourceRecord& r = out.record;
  require(out.train->size() == r.documents && out.train->tokens() == r.tokens &&
              out.heldout->size() == r.heldout_documents,
          folder.string(), ": the shards hold ", out.train->size(), " documents; wanted ",
          r.documents, " as ", kIndex, " says");
  return out;
}

void complete(SourceRecord& record, const std::string& name, const SourceConfig& config,
              const PreparedSource& prepared) {
  record.name = name;
  record.kind = enum_name(config.kind);
  record.paths = config.paths;
  record.licence = config.licence;
  record.weight = config.weight;
  record.digest = Digest().field(prepared.train->digest()).field(prepared.heldout->digest()).hex();
  if (auto unknown = record.licences.extract(""); !unknown.empty())
    record.licences[config.licence.empty() ? "unknown" : config.licence] += unknown.mapped();
}

}  // namespace

PreparedSource prepare_source(const std::string& name, const SourceConfig& config,
                              const Tokenizer& tokenizer, const PrepareOptions& options,
                              Progress& progress) {
  check_file_name(name, "sources", "source");
  validate(config, name);
  const FileList list = list_files(config, name);
  const std::string key = cache_key(config, list.files, tokenizer, options.shard_bytes);
  const fs::path folder = options.cache / (name + "-" + key.substr(0, 16));
  const bool fresh = !fs::exists(folder / kIndex);
  if (fresh) make(name, config, tokenizer, options, folder, progress);
  PreparedSource prepared = open(name, tokenizer, options, folder);
  complete(prepared.record, name, config, prepared);
  prepared.record.notes.insert(list.passed_over.begin(), list.passed_over.end());
  const std::string dropped_text = describe_dropped(prepared.record);
  if (fresh)
    progress.note(fmt::format("source {}: {} documents, {} tokens, {} held out{}{}", name,
                              prepared.record.documents, prepared.record.tokens,
                              prepared.record.heldout_documents, dropped_text.empty() ? "" : ", ",
                              dropped_text));
  if (const std::string warning =
          heldout_warning("sources." + name, config.heldout, prepared.record);
      !warning.empty())
    progress.note("warning: " + warning);
  return prepared;
}

std::optional<std::string> prepared_digest(const fs::path& folder) {
  if (!fs::exists(folder / kIndex)) return {};
  try {
    const auto train = shards_of(folder, "train"), heldout = shards_of(folder, "heldout");
    if (train.empty()) return {};
    const std::string tokenizer = tokenizer_of_shard(train[0]);
    return Digest()
        .field(Corpus("", train, tokenizer, false).digest())
        .field(Corpus("", heldout, tokenizer, false).digest())
        .hex();
  } catch (const Error&) {
    return {};
  }
}

bool is_prepared_file(const fs::path& file) {
  const std::string name = file.string();
  const bool shard =
      name.find(".tokens") != std::string::npos || name.find(".shard") != std::string::npos;
  return name.starts_with(kIndex) ||
         (shard && (name.starts_with("train") || name.starts_with("heldout")));
}

}  // namespace lineage
