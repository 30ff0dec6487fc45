#pragma once

#include <cstdint>
#include <functional>

#include "lineage/checkpoint/checkpoint.h"

namespace lineage {

// Import and export of GPT-2 (Radford et al. 2019) and OPT (Zhang et al. 2022) in the layout of
// Hugging Face's transformers: config.json, model.safetensors (or shards and their index) and the
// tokenizer's files.
//
// An imported model keeps in huggingface/ the data that our own files lack: config.json, the
// tokenizer's files and the folder's other small texts word for word, the names, types and files of
// the tensors with their headers (layout.json), and the tensors that no model here reads (attention
// masks, value heads), each distinct one once (buffers.safetensors). So an export after an import
// restores these files, byte for byte; only weights in F64 are rounded to F32.

// Called with one sentence for each part that was changed or left out.
using OnNote = std::function<void(const std::string&)>;

struct ImportOptions {
  bool tokenizer = true;  // false: the model has none; the tokenizer's files are kept unread
  OnNote note = {};
};
// Reads the folder `from`, writes a checkpoint to `to`. Stage "import". Weights become f32.
Manifest import_huggingface(const fs::path& from, const fs::path& to, const ImportOptions& = {});

struct ExportOptions {
  int64_t shard_bytes = 5'000'000'000;  // a larger model is cut into shards, with an index
  OnNote note = {};
};
// Writes the checkpoint `model` to the folder `to`, which must be new or empty. A model grown here
// becomes a GPT-2 (position_offset 0) or an OPT (2); an Error names the features that the format
// lacks. A tuned one has its template of turns as chat_template (ChatTemplate::jinja()).
void export_huggingface(const fs::path& model, const fs::path& to, const ExportOptions& = {});

}  // namespace lineage
