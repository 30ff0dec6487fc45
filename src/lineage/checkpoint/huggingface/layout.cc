#include "lineage/checkpoint/huggingface/layout.h"

#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/base/file_name.h"
#include "lineage/base/json.h"

namespace lineage {
namespace {

StoredType parse_type(const JsonObject& entry) {
  const auto name = entry.get<std::string>("type");
  for (int i = 0; i <= static_cast<int>(StoredType::boolean); ++i)
    if (stored_name(static_cast<StoredType>(i)) == name) return static_cast<StoredType>(i);
  entry.refuse("type", "a safetensors dtype");
}

}  // namespace

std::string to_json(const HuggingFaceLayout& layout) {
  nlohmann::json files = nlohmann::json::array();
  for (const auto& file : layout.files) {
    nlohmann::json entries = nlohmann::json::array();
    for (const auto& e : file.entries) {
      entries.push_back({{"name", e.name}, {"type", stored_name(e.type)}});
      if (!e.buffer.empty()) entries.back()["buffer"] = e.buffer;
    }
    files.push_back({{"name", file.name}, {"metadata", file.metadata}, {"tensors", entries}});
    if (!file.header.empty()) files.back()["header"] = file.header;
  }
  const nlohmann::json all = {{"family", layout.family->model_type},
                              {"prefix", layout.prefixes.body},
                              {"wrapper", layout.prefixes.wrapper},
                              {"head", layout.head},
                              {"files", files},
                              {"copied", layout.copied}};
  return all.dump(1) + "\n";
}

HuggingFaceLayout parse_layout(std::string_view text, const std::string& place) {
  const JsonObject all = JsonObject::parse(text, place);
  HuggingFaceLayout layout;
  layout.family = find_huggingface_family(all.get<std::string>("family"));
  if (!layout.family) all.refuse("family", huggingface_family_names());
  layout.prefixes = {all.get<std::string>("prefix"), all.get_or<std::string>("wrapper", "")};
  layout.head = all.get<bool>("head");
  for (const nlohmann::json& file : all.list("files")) {
    const JsonObject object(file, place + ": files");
    auto& added = layout.files.emplace_back();
    added.name = object.get<std::string>("name");
    check_file_name(added.name, place + ": files", "file");
    added.header = object.get_or<std::string>("header", "");
    const JsonObject metadata = object.child("metadata");
    for (const auto& [key, value] : metadata.value().items())
      added.metadata[key] = metadata.get<std::string>(key);
    for (const nlohmann::json& tensor : object.list("tensors")) {
      const JsonObject entry(tensor, place + ": tensors");
      added.entries.push_back({entry.get<std::string>("name"), parse_type(entry),
                               entry.get_or<std::string>("buffer", "")});
    }
  }
  for (const nlohmann::json& name : all.list("copied")) {
    if (!name.is_string()) all.refuse("copied", "an array of strings");
    layout.copied.push_back(name.get<std::string>());
    check_file_name(layout.copied.back(), place + ": copied", "file");
  }
  return layout;
}

}  // namespace lineage
