#include <algorithm>
#include <cstring>
#include <set>

#include "lineage/base/config.h"
#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/base/version.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/huggingface.h"
#include "lineage/checkpoint/huggingface/config.h"
#include "lineage/checkpoint/huggingface/layout.h"
#include "lineage/checkpoint/huggingface/tensors.h"
#include "lineage/checkpoint/model.h"
#include "lineage/checkpoint/tensors_digest.h"

namespace lineage {
namespace {

// Kept whatever their size.
constexpr const char* kCopied[] = {"config.json",       "generation_config.json",
                                   "tokenizer.json",    "tokenizer_config.json",
                                   "vocab.json",        "merges.txt",
                                   "encoder.json",      "vocab.bpe",
                                   "tokenizer.model",   "spiece.model",
                                   "added_tokens.json", "special_tokens_map.json"};
constexpr uintmax_t kLargestOther = 1 << 20;  // of other texts, in bytes

// A model of theirs, opened and checked against its config before memory is taken for it.
struct Source {
  explicit Source(const fs::path& from)
      : folder(from), config(read_huggingface_config(from / "config.json")), tensors(from) {
    refuse_adapters();
    parts = huggingface_parts(*config.family, config.model, /*head=*/true);
    embedding = *std::ranges::find(parts, "token_embedding.weight", &HuggingFacePart::ours);
    prefixes = find_prefixes(*config.family, parts, tensors, folder.string());
    head = find(parts.back()) != nullptr;
    // Some writers keep only the head of a tied pair.
    head_alone = head && config.model.tied && !find(embedding);
    if (!head && config.model.tied) parts.pop_back();
    if (head_alone)
      std::erase_if(parts, [&](const auto& p) { return p.theirs == embedding.theirs; });
    for (const HuggingFacePart& part : parts) check(part);
    for (const SafetensorsFile& file : tensors.files())
      for (const StoredTensor& t : file.tensors()) check_known(file, t.name);
    if (head && config.model.tied && !head_alone) check_tied();
  }

  const StoredTensor* find(const HuggingFacePart& part) const {
    return tensors.find(with_prefix(prefixes, part));
  }
  // Kept for an export, but no model here reads it.
  bool unread(std::string_view name) const {
    return is_buffer(*config.family, name) || is_other_head(without_wrapper(name));
  }

  const StoredTensor& at(const HuggingFacePart& part) const {
    const StoredTensor* tensor = find(part);
    require(tensor != nullptr, folder.string(), ": no tensor ", with_prefix(prefixes, part),
            "; config.json wants one of shape ", part.shape);
    return *tensor;
  }

  fs::path folder;
  HuggingFaceConfig config;
  SafetensorsFolder tensors;
  TensorPrefixes prefixes;
  bool head = false;
  bool head_alone = false;  // it is the embedding too
  std::vector<HuggingFacePart> parts;
  HuggingFacePart embedding;  // of the tokens

 private:
  void check(const HuggingFacePart& part) const {
    const StoredTensor& t = at(part);
    require(t.shape == part.shape, folder.string(), ": tensor ", t.name, " has shape ", t.shape,
            "; config.json wants ", part.shape);
    if (!floating(t.type))
      throw Error(folder.string() + ": tensor " + t.name + " is " +
                      std::string(stored_name(t.type)) + "; wanted F32, F16, BF16 or F64",
                  "import the model before it was quantized");
  }

  std::string_view without_wrapper(std::string_view name) const {
    return name.starts_with(prefixes.wrapper) ? name.substr(prefixes.wrapper.size()) : name;
  }

  void refuse_adapters() const {
    for (const SafetensorsFile& file : tensors.files())
      for (const StoredTensor& t : file.tensors())
        if (t.name.find(".lora_") != std::string::npos)
          throw Error(
              file.path().string() + ": tensor " + t.name +
                  " is of an adapter (LoRA); wanted the weights of a whole model",
              "an adapter is read onto its base: lineage import peft DIR --base MODEL --out "
              "OUT");
  }

  void check_known(const SafetensorsFile& file, const std::string& name) const {
    if (unread(name)) return;
    std::vector<std::string> names;
    for (const HuggingFacePart& part : parts) {
      names.push_back(with_prefix(prefixes, part));
      if (names.back() == name) return;
    }
    const std::string near = nearest_name(name, names);
    throw Error(file.path().string() + ": tensor " + name + " is none of a " +
                    std::string(config.family->model_type) +
                    " model with the layers of config.json",
                near.empty() ? "check that config.json and the tensors are of one model"
                             : "did you mean " + near + "?");
  }

  void check_tied() const {
    const StoredTensor& head_weight = at(parts.back());
    const StoredTensor& embedded = at(embedding);
    if (head_weight.type == embedded.type && std::ranges::equal(head_weight.data, embedded.data))
      return;
    throw Error(folder.string() + ": " + head_weight.name + " differs from " + embedded.name +
                    "; config.json wants them tied",
                "set tie_word_embeddings to false in config.json to import the head by itself");
  }
};

// Masks are the same in every layer: each is kept once, under the digest of its content.
std::string buffer_name(const StoredTensor& buffer) {
  TensorsDigest digest;
  digest.add({"", buffer.type, buffer.shape}, buffer.data);
  return digest.hex();
}

// Whether it is a small text, not part of a model in another format, and without a name that
// huggingface/ has already.
bool is_small_text(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  std::error_code ignored;
  if (!entry.is_regular_file(ignored) || entry.file_size(ignored) > kLargestOther ||
      name == "layout.json" || name == "buffers.safetensors" || name.ends_with(".index.json"))
    return false;
  const std::string content = read_file(entry.path());
  return is_text(file_kind(content));
}

struct FolderFiles {
  std::vector<std::string> copied, left;  // by name
};

FolderFiles files_of(const Source& source) {
  std::set<std::string> weights;
  for (const SafetensorsFile& file : source.tensors.files())
    weights.insert(file.path().filename().string());
  const bool sharded = !weights.contains("model.safetensors");
  FolderFiles files;
  for (const auto& entry : fs::directory_iterator(source.folder)) {
    const std::string name = entry.path().filename().string();
    if (weights.contains(name)) continue;
    const bool known = std::ranges::find(kCopied, name) != std::end(kCopied) ||
                       entry.path().extension() == ".tiktoken" || (sharded && name == kShardIndex);
    const bool whole = known && entry.is_regular_file();
    (whole || is_small_text(entry) ? files.copied : files.left)
        .push_back(entry.is_directory() ? name + "/" : name);
  }
  std::ranges::sort(files.copied);
  std::ranges::sort(files.left);
  return files;
}

HuggingFaceLayout layout_of(const Source& source, const FolderFiles& files) {
  HuggingFaceLayout layout{source.config.family, source.prefixes, source.head, {}, files.copied};
  for (const SafetensorsFile& file : source.tensors.files()) {
    auto& added = layout.files.emplace_back();
    added.name = file.path().filename().string();
    added.metadata = file.metadata();
    std::vector<TensorHeader> headers;
    for (const StoredTensor& t : file.tensors()) {
      added.entries.push_back({t.name, t.type, source.unread(t.name) ? buffer_name(t) : ""});
      headers.push_back(t);
    }
    if (file.header() != safetensors_header(headers, added.metadata)) added.header = file.header();
  }
  return layout;
}

void write_buffers(const Source& source, const HuggingFaceLayout& layout, const fs::path& path) {
  std::map<std::string, const StoredTensor*> buffers;
  for (const auto& file : layout.files)
    for (const auto& entry : file.entries)
      if (!entry.buffer.empty()) buffers[entry.buffer] = source.tensors.find(entry.name);
  if (buffers.empty()) return;
  std::vector<TensorHeader> headers;
  for (const auto& [name, buffer] : buffers) headers.push_back({name, buffer->type, buffer->shape});
  SafetensorsWriter writer(path, headers);
  for (const auto& [name, buffer] : buffers) writer.write(buffer->data);
  writer.commit();
}

void read_weights(const Source& source, Parameters& parameters) {
  for (const HuggingFacePart& part : source.parts) {
    if (part.head && source.config.model.tied && !source.head_alone) continue;
    const StoredTensor& theirs = source.at(part);
    import_part(part, theirs, parameters.at(part.ours).value);
    source.tensors.release(theirs.name);  // so that the model is in memory once
  }
}

// Checks the folder to import to: new, empty, or an earlier import of an equal model.
void check_target(const fs::path& to) {
  check_writable_folder(to, "--out");
  if (!fs::exists(to) || Checkpoint::exists(to)) return;
  if (const std::string name = first_name_in(to); !name.empty())
    throw Error(to.string() + ": is a folder that holds other things, such as " + name +
                    "; wanted a new or an empty one",
                "name another folder with --out");
}

void check_same(const fs::path& to, const Manifest& fresh, const Parameters& parameters) {
  if (!Checkpoint::exists(to)) return;
  const Manifest old = Checkpoint::open(to).manifest();
  if (old.stage == fresh.stage && old.config == fresh.config && old.tokenizer == fresh.tokenizer &&
      old.weights == digest_of_weights(parameters))
    return;
  throw Error(to.string() + ": holds another checkpoint" +
                  (old.node.empty() ? "" : ", " + old.node) + " (weights " +
                  old.weights.substr(0, 12) + "); wanted a new or an empty folder",
              "name another folder with --out");
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size() && i < 8; ++i) out += (i == 0 ? "" : ", ") + names[i];
  return names.size() > 8 ? out + " and " + std::to_string(names.size() - 8) + " more" : out;
}

// Notes the parts that were changed or left out.
void note_tensors(const Source& source, const OnNote& note) {
  const std::string& by = source.config.family_by;
  if (!by.empty())
    note("config.json has no model_type: read as " + std::string(source.config.family->model_type) +
         ", by its " + by);
  if (!source.prefixes.wrapper.empty())
    note("tensor names begin with \"" + source.prefixes.wrapper + "\": read without it");
  if (source.head_alone)
    note("no " + source.embedding.theirs + ": " + std::string(source.config.family->head) +
         " is the embedding too");
  std::vector<std::string> heads;
  int64_t wide = 0;
  for (const SafetensorsFile& file : source.tensors.files())
    for (const StoredTensor& t : file.tensors()) {
      if (source.unread(t.name) && !is_buffer(*source.config.family, t.name))
        heads.push_back(t.name);
      wide += !source.unread(t.name) && t.type == StoredType::f64;
    }
  if (!heads.empty()) note("kept for an export, but no part of the model: " + joined(heads));
  if (wide > 0)
    note(std::to_string(wide) + " tensors are F64: rounded to F32, also in an export of the model");
}

std::shared_ptr<const Tokenizer> read_tokenizer(const Source& source, const ImportOptions& options,
                                                const OnNote& note) {
  if (!Tokenizer::lies_in(source.folder)) {
    note("the folder has no tokenizer, so complete and score cannot read text for this model");
    return nullptr;
  }
  if (!options.tokenizer) {
    note("the tokenizer's files are kept unread, so complete and score cannot read text for it");
    return nullptr;
  }
  try {
    auto tokenizer = Tokenizer::load(source.folder);
    check_vocab(*tokenizer, source.config.model, source.folder.string());
    return tokenizer;
  } catch (const Error& e) {
    throw Error(e.what(), e.hint() + (e.hint().empty() ? "" : "; ") +
                              "--no-tokenizer imports the weights without it");
  }
}

[[noreturn]] void refuse_source(const fs::path& from) {
  const std::string at = from.string();
  if (fs::is_directory(from)) {
    const bool gguf = std::ranges::any_of(fs::directory_iterator(from), [](const auto& entry) {
      return entry.path().extension() == ".gguf";
    });
    if (fs::exists(from / "adapter_config.json"))
      throw Error(
          at + ": is an adapter (LoRA); wanted the folder of a whole Hugging Face model",
          "read it onto its base with: lineage import peft " + at + " --base MODEL --out OUT");
    throw Error(at + ": no config.json; wanted the folder of a Hugging Face model",
                gguf ? "GGUF files are not read; take the folder that they were converted from"
                     : "name the folder that holds config.json and the weights");
  }
  if (fs::is_regular_file(from))
    throw Error(at + ": is a file; wanted the folder of a Hugging Face model",
                "name the folder that holds it: " +
                    (from.has_parent_path() ? from.parent_path().string() : "."));
  throw Error(at + ": no such folder; wanted a Hugging Face model",
              "nothing is downloaded here; fetch it first, as with: hf download " + at +
                  " --local-dir " + from.filename().string());
}

}  // namespace

Manifest import_huggingface(const fs::path& from, const fs::path& to,
                            const ImportOptions& options) {
  if (!fs::exists(from / "config.json")) refuse_source(from);
  const OnNote note = options.note ? options.note : [](const std::string&) {};
  check_apart(from, to);
  check_target(to);
  const Source source(from);
  note_tensors(source, note);
  const auto tokenizer = read_tokenizer(source, options, note);
  const FolderFiles files = files_of(source);
  if (!files.left.empty()) note("left behind: " + joined(files.left));
  const Model model = make_model(source.config.model, /*with_gradients=*/false);
  read_weights(source, *model.parameters);

  Manifest manifest;
  manifest.stage = "import";
  manifest.stage_text = {StageKind::base, "imported",
                         "The weights come from elsewhere; nothing is known here of how they were "
                         "trained."};
  manifest.node = fs::weakly_canonical(from).filename().string();
  manifest.config = frozen_model_config(source.config.model);
  manifest.code = kVersion;
  manifest.created = utc_now();
  manifest.tokenizer = tokenizer ? tokenizer->digest() : "";
  check_same(to, manifest, *model.parameters);
  return Checkpoint::write(to, manifest, *model.parameters, tokenizer.get(),
                           [&](const fs::path& staging) {
                             const fs::path kept = staging / "huggingface";
                             fs::create_directory(kept);
                             const HuggingFaceLayout layout = layout_of(source, files);
                             write_file_atomic(kept / "layout.json", to_json(layout));
                             write_buffers(source, layout, kept / "buffers.safetensors");
                             for (const std::string& name : layout.copied)
                               write_file_atomic(kept / name, read_file(from / name));
                           });
}

}  // namespace lineage
