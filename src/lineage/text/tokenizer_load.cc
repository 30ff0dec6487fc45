// Tokenizer::load() and save(): the places of files.
#include <algorithm>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/text/bpe_tokenizer.h"
#include "lineage/text/json_text.h"
#include "lineage/text/tokenizer_files.h"
#include "lineage/text/word_tokenizer.h"

namespace lineage {
namespace {

// The files that load() looks for in a folder; the first one counts.
constexpr const char* kVocabularies[] = {"tokenizer.json", "vocab.json", "encoder.json",
                                         "merges.txt", "vocab.bpe"};

struct OtherVocabulary {
  const char *file, *kind;
};
constexpr OtherVocabulary kOtherVocabularies[] = {
    {"tokenizer.model", "a SentencePiece model"},
    {"spiece.model", "a SentencePiece model"},
    {"sentencepiece.bpe.model", "a SentencePiece model"},
    {"vocab.txt", "a WordPiece vocabulary, as BERT's"},
};

[[noreturn]] void refuse_vocabulary(const fs::path& path, const OtherVocabulary& vocabulary) {
  throw Error(
      path.string() + ": is " + vocabulary.kind +
          ", which is not read; wanted tokenizer.json, vocab.json + merges.txt or "
          "*.tiktoken",
      "Lineage reads byte-level BPE (GPT-2, OPT, cl100k, Llama 3) and WordLevel tokenizers");
}

constexpr uintmax_t kMaxFileBytes = uintmax_t{1} << 28;

std::string read_bounded(const fs::path& path) {
  std::error_code ignored;
  const uintmax_t size = fs::file_size(path, ignored);
  if (!ignored && size > kMaxFileBytes)
    throw Error(path.string() + ": " + std::to_string(size) +
                    " bytes; wanted a tokenizer's file of at most " + std::to_string(kMaxFileBytes),
                "check the path");
  return read_file(path);
}

std::string read_if_there(const fs::path& path) {
  return fs::exists(path) ? read_bounded(path) : std::string();
}

void take_side_files(const fs::path& folder, SideFiles& files) {
  files.added_tokens_json = read_if_there(folder / "added_tokens.json");
  files.special_tokens_map_json = read_if_there(folder / "special_tokens_map.json");
  files.tokenizer_config_json = read_if_there(folder / "tokenizer_config.json");
  files.generation_config_json = read_if_there(folder / "generation_config.json");
  files.config_json = read_if_there(folder / "config.json");
  files.folder = folder.empty() ? "" : folder.string() + "/";
}

// The existing one of two names for the same file; the first if neither exists.
fs::path either(const fs::path& folder, const char* name, const char* other) {
  return !fs::exists(folder / name) && fs::exists(folder / other) ? folder / other : folder / name;
}

std::shared_ptr<const Tokenizer> load_gpt2(const fs::path& vocab, const fs::path& merges) {
  if (fs::exists(vocab) && !fs::exists(merges))
    throw Error(merges.string() + ": is not there; wanted the merges that belong to " +
                    vocab.filename().string(),
                "fetch it from where the vocabulary came from");
  Gpt2Files files;
  take_side_files(vocab.parent_path(), files);
  files.vocab_json = read_bounded(vocab);
  files.merges_txt = read_bounded(merges);
  files.vocab_place = vocab.string();
  files.merges_place = merges.string();
  refuse_other_kinds(files.merges_txt, files.merges_place, "merges, one a line");
  return std::make_shared<BpeTokenizer>(parse_gpt2(files), vocab.string());
}

std::shared_ptr<const Tokenizer> load_huggingface(const fs::path& path) {
  SideFiles files;
  take_side_files(path.parent_path(), files);
  return parse_huggingface(read_bounded(path), path.string(), files);
}

std::shared_ptr<const Tokenizer> load_rank_file(const fs::path& path) {
  const auto options = known_rank_file(path.filename().string());
  if (!options)
    throw Error(path.string() +
                    ": the name does not say which pattern the ranks belong to; wanted one "
                    "that starts with r50k, gpt2, p50k, p50k_edit or cl100k",
                "rename the file, or save the tokenizer as tokenizer.json");
  return load_tiktoken(path, *options);
}

std::shared_ptr<const Tokenizer> load_file(const fs::path& path) {
  const std::string name = path.filename().string();
  const fs::path folder = path.parent_path();
  if (path.extension() == ".tiktoken") return load_rank_file(path);
  // Where both pairs of names are there, their halves belong together.
  if (name == "vocab.json" || name == "merges.txt")
    return load_gpt2(either(folder, "vocab.json", "encoder.json"),
                     either(folder, "merges.txt", "vocab.bpe"));
  if (name == "encoder.json" || name == "vocab.bpe")
    return load_gpt2(either(folder, "encoder.json", "vocab.json"),
                     either(folder, "vocab.bpe", "merges.txt"));
  if (path.extension() == ".json") return load_huggingface(path);
  for (const OtherVocabulary& other : kOtherVocabularies)
    if (name == other.file) refuse_vocabulary(path, other);
  throw Error(
      path.string() +
          ": not known as a tokenizer's file; wanted tokenizer.json, vocab.json + merges.txt or "
          "*.tiktoken",
      "check the path");
}

}  // namespace

bool Tokenizer::lies_in(const fs::path& folder) {
  for (const char* name : kVocabularies)
    if (fs::exists(folder / name)) return true;
  for (const OtherVocabulary& other : kOtherVocabularies)
    if (fs::exists(folder / other.file)) return true;
  return std::ranges::any_of(fs::directory_iterator(folder), [](const fs::directory_entry& entry) {
    return entry.path().extension() == ".tiktoken";
  });
}

std::shared_ptr<const Tokenizer> Tokenizer::load(const fs::path& path) {
  if (!fs::is_directory(path)) return load_file(path);
  for (const char* name : kVocabularies)
    if (fs::exists(path / name)) return load_file(path / name);
  std::vector<fs::path> ranks;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.path().extension() == ".tiktoken") ranks.push_back(entry.path());
  if (ranks.size() == 1) return load_rank_file(ranks.front());
  for (const OtherVocabulary& other : kOtherVocabularies)
    if (ranks.empty() && fs::exists(path / other.file)) refuse_vocabulary(path / other.file, other);
  throw Error(
      path.string() + ": " + (ranks.empty() ? "no tokenizer" : "several .tiktoken files") +
          " in this folder; wanted tokenizer.json, vocab.json + merges.txt or one *.tiktoken",
      "name the file itself, or train a tokenizer");
}

void BpeTokenizer::save(const fs::path& path, TokenizerFormat format) const {
  const bool folder = fs::is_directory(path);
  if (format == TokenizerFormat::huggingface)
    return write_file_atomic(folder ? path / "tokenizer.json" : path, huggingface_json(model_));
  if (format == TokenizerFormat::tiktoken)
    return write_file_atomic(folder ? path / "tokenizer.tiktoken" : path, tiktoken_ranks(model_));
  const Gpt2Files files = gpt2_files(model_);
  create_folders(path);
  write_file_atomic(path / "vocab.json", files.vocab_json);
  write_file_atomic(path / "merges.txt", files.merges_txt);
  write_file_atomic(path / "added_tokens.json", files.added_tokens_json);
  write_file_atomic(path / "special_tokens_map.json", files.special_tokens_map_json);
  if (!files.tokenizer_config_json.empty())
    write_file_atomic(path / "tokenizer_config.json", files.tokenizer_config_json);
}

void WordTokenizer::save(const fs::path& path, TokenizerFormat format) const {
  if (format != TokenizerFormat::huggingface)
    throw Error(
        "tokenizer: a vocabulary of words cannot be saved in this format; wanted "
        "tokenizer.json");
  write_file_atomic(fs::is_directory(path) ? path / "tokenizer.json" : path,
                    huggingface_json(model_));
}

}  // namespace lineage
