#pragma once

#include <map>
#include <string>
#include <vector>

#include "lineage/checkpoint/huggingface/tensors.h"
#include "lineage/checkpoint/safetensors.h"

namespace lineage {

// The file, order and type of each tensor, for an export to restore the imported files. Kept in a
// checkpoint as huggingface/layout.json.
struct HuggingFaceLayout {
  struct Entry {
    std::string name;  // with its prefix
    StoredType type = StoredType::f32;
    std::string buffer;  // its name in huggingface/buffers.safetensors, if no model here reads it
  };
  struct File {
    std::string name;
    std::map<std::string, std::string> metadata;
    std::vector<Entry> entries;
    std::string header;  // its text, if SafetensorsWriter's would differ
  };
  const HuggingFaceFamily* family = nullptr;
  TensorPrefixes prefixes;
  bool head = false;  // lm_head.weight exists
  std::vector<File> files;
  std::vector<std::string> copied;  // config.json, the tokenizer's files, other small texts
};

std::string to_json(const HuggingFaceLayout&);
HuggingFaceLayout parse_layout(std::string_view json, const std::string& place);

}  // namespace lineage
