#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "lineage/base/error.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/huggingface.h"
#include "lineage/checkpoint/huggingface/config.h"
#include "lineage/checkpoint/huggingface/layout.h"
#include "lineage/checkpoint/huggingface/tensors.h"
#include "lineage/text/chat.h"

namespace lineage {
namespace {

constexpr const char* kLayout = "huggingface/layout.json";
constexpr const char* kBuffers = "huggingface/buffers.safetensors";

using PartsByName = std::map<std::string, HuggingFacePart>;  // by their name, with its prefix

PartsByName parts_by_name(const HuggingFaceLayout& layout, const GptConfig& config) {
  PartsByName parts;
  for (HuggingFacePart& part : huggingface_parts(*layout.family, config, layout.head)) {
    std::string name = with_prefix(layout.prefixes, part);
    parts.emplace(std::move(name), std::move(part));
  }
  return parts;
}

// The layout of a model grown here: as transformers would save it.
HuggingFaceLayout default_layout(const GptConfig& config, const std::string& place, int64_t limit) {
  HuggingFaceLayout layout;
  layout.family = &writable_family(config, place);
  layout.prefixes = default_prefixes(*layout.family);
  layout.head = !config.tied;
  std::vector<TensorHeader> headers;
  for (const HuggingFacePart& part : huggingface_parts(*layout.family, config, layout.head))
    headers.push_back({with_prefix(layout.prefixes, part), StoredType::f32, part.shape});
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
  const int64_t rows =
      part.order == PartOrder::transposed ? part.shape[1] : part.row + part.shape[0];
  require(ours.shape.rank() == part.shape.rank() && ours.shape[0] >= rows &&
              (part.shape.rank() < 2 ||
               ours.shape[1] == part.shape[part.order == PartOrder::transposed ? 0 : 1]),
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
    SafetensorsWriter writer(
        to / file.name, shard.tensors,
        file.header.empty() ? safetensors_header(shard.tensors, file.metadata) : file.header);
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

void write_tokenizer(const Tokenizer& tokenizer, const GptConfig& config,
                     const std::string& chat_template, const fs::path& to) {
  tokenizer.save(to / "tokenizer.json");
  nlohmann::ordered_json json = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                                 {"model_max_length", config.context},
                                 {"clean_up_tokenization_spaces", false}};
  if (const auto end = tokenizer.find_special(Special::end_of_text)) {
    const std::string text = tokenizer.decode(std::span(&*end, 1));
    for (const char* key : {"bos_token", "eos_token", "unk_token"}) json[key] = text;
  }
  if (!tokenizer.begin_of_text().empty())
    json["bos_token"] = tokenizer.decode(tokenizer.begin_of_text().first(1));
  if (const auto pad = tokenizer.find_special(Special::pad))
    json["pad_token"] = tokenizer.decode(std::span(&*pad, 1));
  auto others = nlohmann::ordered_json::array();
  for (const SpecialToken& s : tokenizer.specials())
    if (s.text != json.value("eos_token", "") && s.text != json.value("bos_token", "") &&
        s.text != json.value("pad_token", ""))
      others.push_back(s.text);
  if (!others.empty()) json["additional_special_tokens"] = others;
  if (!chat_template.empty()) json["chat_template"] = chat_template;
  write_file_atomic(to / "tokenizer_config.json", json.dump(2) + "\n");
}

// Where generation ends: for a tuned model at the end of a turn too.
void write_generation_config(const Tokenizer& tokenizer, const fs::path& to) {
  const nlohmann::ordered_json json = {{"eos_token_id", huggingface_eos_ids(&tokenizer, true)}};
  write_file_atomic(to / "generation_config.json", json.dump(2) + "\n");
}

// The template of a tuned model; empty with a note where Jinja cannot say it.
std::string chat_template(const Tokenizer& tokenizer, const ExportOptions& options) {
  const auto jinja = ChatTemplate(tokenizer).jinja();
  if (!jinja && options.note)
    options.note(
        "no chat_template: the tokenizer has no tokens for turns, and the words for them, whose "
        "pieces were tokens by themselves in training, would join with the text around them");
  return jinja.value_or("");
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
  const bool copied_index = std::ranges::find(layout.copied, kShardIndex) != layout.copied.end();
  if (!copied_index && (shards.size() > 1 || shards.front().file != "model.safetensors"))
    write_shard_index(staging, shards);
  for (const std::string& name : layout.copied)
    write_file_atomic(staging / name, model.read_further("huggingface/" + name));
  if (!imported) {
    write_file_atomic(staging / "config.json",
                      huggingface_config_json(*layout.family, config, tokenizer.get()));
    if (tokenizer) {
      const bool converses = model.manifest().chats;
      write_tokenizer(*tokenizer, config, converses ? chat_template(*tokenizer, options) : "",
                      staging);
      if (converses) write_generation_config(*tokenizer, staging);
    }
  }
  update.commit("config.json");
}

}  // namespace lineage
