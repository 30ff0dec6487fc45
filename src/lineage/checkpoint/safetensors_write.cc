#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/checkpoint/safetensors.h"

namespace lineage {
namespace {

using nlohmann::ordered_json;

std::string with_length(std::string_view header) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length).append(header);
}

StoredType stored_type(DType type) {
  return type == DType::f32 ? StoredType::f32 : StoredType::i32;
}

}  // namespace

std::string safetensors_header(std::span<const TensorHeader> tensors,
                               const std::map<std::string, std::string>& metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  int64_t offset = 0;
  for (const TensorHeader& t : tensors) {
    require(!header.contains(t.name), "tensor ", t.name, ": declared twice");
    header[t.name] = {{"dtype", stored_name(t.type)},
                      {"shape", std::vector<int64_t>(t.shape.dims().begin(), t.shape.dims().end())},
                      {"data_offsets", {offset, offset + t.bytes()}}};
    offset += t.bytes();
  }
  std::string text = header.dump();
  constexpr size_t kAlignment = 8;  // of the elements, as the reference implementation has it
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return text;
}

SafetensorsWriter::SafetensorsWriter(const fs::path& path, std::vector<TensorHeader> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : SafetensorsWriter(path, tensors, safetensors_header(tensors, metadata)) {}

SafetensorsWriter::SafetensorsWriter(const fs::path& path, std::vector<TensorHeader> tensors,
                                     std::string_view header)
    : place_(path.string()), tensors_(std::move(tensors)), file_(path) {
  const std::string bytes = with_length(header);
  file_.write(bytes.data(), bytes.size());
}

void SafetensorsWriter::write(const Tensor& tensor) {
  require(next_ < tensors_.size(), place_, ": more tensors than were declared");
  const TensorHeader& declared = tensors_[next_];
  require(declared.shape == tensor.shape() &&
              (tensor.dtype() == DType::f32 ? floating(declared.type)
                                            : declared.type == StoredType::i32),
          place_, ": tensor ", declared.name, " was declared ", stored_name(declared.type), " ",
          declared.shape, "; given ", stored_name(stored_type(tensor.dtype())), " ",
          tensor.shape());
  if (stored_type(tensor.dtype()) == declared.type)
    write({tensor.bytes(), static_cast<size_t>(tensor.byte_size())});
  else
    write(narrowed(tensor.data<float>(), declared.type));
}

void SafetensorsWriter::write(std::span<const std::byte> elements) {
  require(next_ < tensors_.size(), place_, ": more tensors than were declared");
  const TensorHeader& declared = tensors_[next_++];
  require(declared.bytes() == static_cast<int64_t>(elements.size()), place_, ": tensor ",
          declared.name, " was declared with ", declared.bytes(), " bytes; given ",
          elements.size());
  file_.write(elements.data(), elements.size());
}

void SafetensorsWriter::commit() {
  require(next_ == tensors_.size(), place_, ": ", next_, " tensors of ", tensors_.size(),
          " were written");
  file_.commit();
}

void write_safetensors(const fs::path& path, const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<TensorHeader> headers;
  for (const auto& [name, tensor] : tensors)
    headers.push_back({name, stored_type(tensor.dtype()), tensor.shape()});
  SafetensorsWriter writer(path, std::move(headers), metadata);
  for (const auto& [name, tensor] : tensors) writer.write(tensor);
  writer.commit();
}

std::vector<SafetensorsShard> plan_shards(std::span<const TensorHeader> tensors, int64_t limit) {
  std::vector<SafetensorsShard> shards(1);
  int64_t bytes = 0;
  for (const TensorHeader& t : tensors) {
    if (bytes + t.bytes() > limit && !shards.back().tensors.empty()) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().tensors.push_back(t);
    bytes += t.bytes();
  }
  for (size_t i = 0; i < shards.size(); ++i)
    shards[i].file = shards.size() == 1
                         ? "model.safetensors"
                         : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
  return shards;
}

void write_shard_index(const fs::path& folder, std::span<const SafetensorsShard> shards) {
  int64_t total = 0;
  nlohmann::json map = nlohmann::json::object();
  for (const SafetensorsShard& shard : shards) {
    for (const TensorHeader& t : shard.tensors) {
      map[t.name] = shard.file;
      total += t.bytes();
    }
  }
  const ordered_json index = {{"metadata", {{"total_size", total}}}, {"weight_map", map}};
  write_file_atomic(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace lineage
