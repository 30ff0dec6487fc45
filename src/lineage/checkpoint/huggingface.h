#pragma once

#include <cstdint>

#include "lineage/checkpoint/checkpoint.h"

namespace lineage {

// Import and export of GPT-2 (Radford et al. 2019) and OPT (Zhang et al. 2022) in the layout of
// Hugging Face's transformers: config.json, model.safetensors (or shards and their index) and the
// tokenizer's files.
//
// An imported model keeps in huggingface/ what our own files cannot say: config.json and tokenizer
// files word for word, the names, types and files of the tensors (layout.json), and the buffers
// (attention masks), each distinct one once (buffers.safetensors). So an export after an import
// gives every tensor back, byte for byte.

// Reads the folder `from`, writes a checkpoint to `to`. Stage "import". Weights become f32.
Manifest import_huggingface(const fs::path& from, const fs::path& to);

struct ExportOptions {
  int64_t shard_bytes = 5'000'000'000;  // a larger model is cut into shards, with an index
};
// Writes the checkpoint `model` to the folder `to`, which must be new or empty. A model grown here
// becomes a GPT-2 (position_offset 0) or an OPT (2); an Error names what the format cannot say.
void export_huggingface(const fs::path& model, const fs::path& to, const ExportOptions& = {});

}  // namespace lineage
