#include <algorithm>
#include <cstring>
#include <set>

#include "lineage/base/config.h"
#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/version.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/huggingface.h"
#include "lineage/checkpoint/huggingface_layout.h"
#include "lineage/checkpoint/huggingface_tensors.h"
#include "lineage/checkpoint/model.h"
#include "lineage/checkpoint/tensors_digest.h"

namespace lineage {
namespace {

constexpr const char* kCopied[] = {"config.json",       "generation_config.json",
                                   "tokenizer.json",    "tokenizer_config.json",
                                   "vocab.json",        "merges.txt",
                                   "added_tokens.json", "special_tokens_map.json"};

// A model of theirs, opened and checked against its config before memory is taken for it.
struct Source {
  explicit Source(const fs::path& from)
      : folder(from), config(read_huggingface_config(from / "config.json")), tensors(from) {
    prefix = find_prefix(config.family, tensors, folder.string());
    head = tensors.find(kHeadName) != nullptr;
    parts = huggingface_parts(config.family, config.model, head || !config.model.tied);
    for (const HuggingFacePart& part : parts) check(part);
    for (const SafetensorsFile& file : tensors.files())
      for (const StoredTensor& t : file.tensors()) check_known(file, t.name);
    if (head && config.model.tied) check_tied();
  }

  const StoredTensor& at(const HuggingFacePart& part) const {
    const StoredTensor* tensor = tensors.find(with_prefix(prefix, part.theirs));
    require(tensor != nullptr, folder.string(), ": no tensor ", with_prefix(prefix, part.theirs),
            "; config.json wants one of shape ", part.shape);
    return *tensor;
  }

  fs::path folder;
  HuggingFaceConfig config;
  SafetensorsFolder tensors;
  std::string prefix;
  bool head;
  std::vector<HuggingFacePart> parts;

 private:
  void check(const HuggingFacePart& part) const {
    const StoredTensor& t = at(part);
    require(t.shape == part.shape, folder.string(), ": tensor ", t.name, " has shape ", t.shape,
            "; config.json wants ", part.shape);
    require(floating(t.type) && t.type != StoredType::f64, folder.string(), ": tensor ", t.name,
            " is ", stored_name(t.type), "; wanted F32, F16 or BF16");
  }

  void check_known(const SafetensorsFile& file, const std::string& name) const {
    if (is_buffer(name)) return;
    std::vector<std::string> names;
    for (const HuggingFacePart& part : parts) {
      names.push_back(with_prefix(prefix, part.theirs));
      if (names.back() == name) return;
    }
    const std::string near = nearest_name(name, names);
    throw Error(file.path().string() + ": tensor " + name + " is none of a " +
                    std::string(model_type(config.family)) +
                    " model with the layers of config.json",
                near.empty() ? "" : "did you mean " + near + "?");
  }

  void check_tied() const {
    const StoredTensor& head_weight = *tensors.find(kHeadName);
    const StoredTensor& embedding = at(parts.front());
    if (head_weight.type == embedding.type && std::ranges::equal(head_weight.data, embedding.data))
      return;
    throw Error(folder.string() + ": lm_head.weight differs from " + embedding.name +
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

HuggingFaceLayout layout_of(const Source& source) {
  HuggingFaceLayout layout{source.config.family, source.prefix, source.head, {}, {}};
  for (const SafetensorsFile& file : source.tensors.files()) {
    auto& added = layout.files.emplace_back();
    added.name = file.path().filename().string();
    added.metadata = file.metadata();
    for (const StoredTensor& t : file.tensors())
      added.entries.push_back({t.name, t.type, is_buffer(t.name) ? buffer_name(t) : ""});
  }
  for (const char* name : kCopied)
    if (fs::exists(source.folder / name)) layout.copied.emplace_back(name);
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

bool has_tokenizer(const fs::path& folder) {
  return fs::exists(folder / "tokenizer.json") ||
         (fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt"));
}

void read_weights(const Source& source, Parameters& parameters) {
  for (const HuggingFacePart& part : source.parts) {
    if (part.theirs == kHeadName && source.config.model.tied) continue;
    const StoredTensor& theirs = source.at(part);
    import_part(part, theirs, parameters.at(part.ours).value);
    source.tensors.release(theirs.name);  // so that the model is in memory once
  }
}

// The folder to import to: new, empty, or what an import of an equal model wrote.
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

}  // namespace

Manifest import_huggingface(const fs::path& from, const fs::path& to) {
  require(fs::is_directory(from), from.string(), ": no such folder; wanted a Hugging Face model");
  check_apart(from, to);
  check_target(to);
  const Source source(from);
  std::shared_ptr<const Tokenizer> tokenizer;
  if (has_tokenizer(from)) {
    tokenizer = Tokenizer::load(from);
    check_vocab(*tokenizer, source.config.model, from.string());
  }
  const Model model = make_model(source.config.model, /*with_gradients=*/false);
  read_weights(source, *model.parameters);

  Manifest manifest;
  manifest.stage = "import";
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
                             const HuggingFaceLayout layout = layout_of(source);
                             write_file_atomic(kept / "layout.json", to_json(layout));
                             write_buffers(source, layout, kept / "buffers.safetensors");
                             for (const std::string& name : layout.copied)
                               write_file_atomic(kept / name, read_file(from / name));
                           });
}

}  // namespace lineage
