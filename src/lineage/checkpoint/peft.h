#pragma once

#include <string>

#include "lineage/checkpoint/huggingface.h"

namespace lineage {

// Adapters in the format of Hugging Face's PEFT: adapter_config.json and adapter_model.safetensors,
// with "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight" (r,in) and ".lora_B.weight"
// (out,r) for each layer of the family's model that has one.
//
// What one of our adapters changes may be a part of one of their layers (the queries within GPT-2's
// c_attn), or several of them (one adapter on the queries, keys and values of a LLaMA). Both are
// said exactly: adapters of one layer become one of the sum of their ranks, and an adapter of
// several layers becomes one for each, with the same A.

struct ExportAdapterOptions {
  std::string
      base_name{};  // base_model_name_or_path; empty: the node that the model was tuned from
  OnNote note = {};
};
// Writes the adapter of a model that was tuned with one to the folder `to`, new or empty.
void export_adapter(const fs::path& model, const fs::path& to, const ExportAdapterOptions& = {});

struct ImportAdapterOptions {
  // The adapter's base_model_name_or_path, where the base has another name here.
  std::string base_name{};
  OnNote note = {};
};
// Reads the adapter of the folder `from` onto the checkpoint `base`, and writes the merged model
// and the adapter beside it to `to`, new or empty. Stage "import". An Error where the adapter names
// another base or has other shapes.
Manifest import_adapter(const fs::path& from, const fs::path& base, const fs::path& to,
                        const ImportAdapterOptions& = {});

}  // namespace lineage
