#include <nlohmann/json.hpp>
#include <optional>

#include "lineage/base/error.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/huggingface.h"
#include "lineage/checkpoint/huggingface_layout.h"
#include "lineage/checkpoint/huggingface_tensors.h"

namespace lineage {
namespace {

constexpr const char* kLayout = "huggingface/layout.json";
constexpr const char* kBuffers = "huggingface/buffers.safetensors";

using PartsByName = std::map<std::string, HuggingFacePart>;  // by their name, with its prefix

PartsByName parts_by_name(const HuggingFaceLayout& layout, const GptConfig& config) {
  PartsByName parts;
  for (HuggingFacePart& part : huggingface_parts(layout.family, config, layout.head)) {
    std::string name = with_prefix(layout.prefix, part.theirs);
    parts.emplace(std::move(name), std::move(part));
  }
  return parts;
}

// Of a model that was grown here: as transformers would save it.
HuggingFaceLayout default_layout(const GptConfig& config, const std::string& place, int64_t limit) {
  HuggingFaceLayout layout;
  layout.family = family_of(config, place);
  layout.prefix = default_prefix(layout.family);
  layout.head = !config.tied;
  std::vector<TensorHeader> headers;
  for (const HuggingFacePart& part : huggingface_parts(layout.family, config, layout.head))
    headers.push_back({with_prefix(layout.prefix, part.theirs), StoredType::f32, part.shape});
  for (const SafetensorsShard& shard : plan_shards(headers, limit)) {
    auto& file = layout.files.emplace_back();
    file.name = shard.file;
    file.metadata = {{"format", "pt"}};
    for (const TensorHeader& t : shard.tensors) file.entries.push_back({t.name, t.type, ""});
  }
  return layout;
}

const StoredTensor& stored_part(const Checkpoint& model, const HuggingFacePart& part) {
  const StoredTensor& ours = model.weights().at(part.ours);
  const int64_t rows = part.transposed ? part.shape[1] : part.row + part.shape[0];
  require(ours.shape.rank() == part.shape.rank() && ours.shape[0] >= rows &&
              (part.shape.rank() < 2 || ours.shape[1] == part.shape[part.transposed ? 0 : 1]),
          model.weights().path().string(), ": tensor ", ours.name, " has shape ", ours.shape,
          "; the frozen config wants another");
  return ours;
}

std::vector<SafetensorsShard> write_tensors(const Checkpoint& model,
                                            const HuggingFaceLayout& layout,
                                            const GptConfig& config, const fs::path& to) {
  const PartsByName parts = parts_by_name(layout, config);
  std::optional<SafetensorsFile> buffers;
  if (model.manifest().files.contains(kBuffers)) {
    model.check_further(kBuffers);
    buffers.emplace(model.further_file(kBuffers));
  }
  std::vector<SafetensorsShard> shards;
  for (const auto& file : layout.files) {
    auto& shard = shards.emplace_back(SafetensorsShard{file.name, {}});
    for (const auto& e : file.entries)
      shard.tensors.push_back(
          {e.name, e.type,
           e.buffer.empty() ? parts.at(e.name).shape : buffers.value().at(e.buffer).shape});
    SafetensorsWriter writer(to / file.name, shard.tensors, file.metadata);
    for (const auto& e : file.entries) {
      if (!e.buffer.empty()) {
        writer.write(buffers.value().at(e.buffer).data);
        continue;
      }
      const StoredTensor& ours = stored_part(model, parts.at(e.name));
      writer.write(export_part(parts.at(e.name), ours));
      model.weights().release(ours);
    }
    writer.commit();
  }
  return shards;
}

void write_tokenizer(const Tokenizer& tokenizer, const GptConfig& config, const fs::path& to) {
  tokenizer.save(to / "tokenizer.json");
  nlohmann::ordered_json json = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                                 {"model_max_length", config.context},
                                 {"clean_up_tokenization_spaces", false}};
  if (const auto end = tokenizer.find_special(Special::end_of_text)) {
    const std::string text = tokenizer.decode(std::span(&*end, 1));
    for (const char* key : {"bos_token", "eos_token", "unk_token"}) json[key] = text;
  }
  write_file_atomic(to / "tokenizer_config.json", json.dump(2) + "\n");
}

void require_new_folder(const fs::path& to) {
  check_writable_folder(to, "DIR");
  if (!fs::exists(to) || first_name_in(to).empty()) return;
  throw Error(to.string() + ": is there already; wanted a new or an empty folder to export to",
              "name another folder, or remove this one");
}

}  // namespace

void export_huggingface(const fs::path& path, const fs::path& to, const ExportOptions& options) {
  require_new_folder(to);
  const Checkpoint model = Checkpoint::open(path);
  const GptConfig config = model.model_config();
  const auto tokenizer = model.load_tokenizer();
  const bool imported = model.manifest().files.contains(kLayout);
  const HuggingFaceLayout layout =
      imported ? parse_layout(model.read_further(kLayout), (path / kLayout).string())
               : default_layout(config, path.string(), options.shard_bytes);
  model.verify_weights();

  FolderUpdate update(to);
  const fs::path& staging = update.staging();
  const auto shards = write_tensors(model, layout, config, staging);
  if (shards.size() > 1 || shards.front().file != "model.safetensors")
    write_shard_index(staging, shards);
  for (const std::string& name : layout.copied)
    write_file_atomic(staging / name, model.read_further("huggingface/" + name));
  if (!imported) {
    write_file_atomic(staging / "config.json",
                      huggingface_config_json(layout.family, config, tokenizer.get()));
    if (tokenizer) write_tokenizer(*tokenizer, config, staging);
  }
  update.commit("config.json");
}

}  // namespace lineage
