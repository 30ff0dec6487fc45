// Mistral (Jiang et al. 2023): LLaMA with a window on every layer.

#include "lineage/checkpoint/huggingface/llama.h"

namespace lineage {
namespace {

GptConfig read_mistral(const JsonObject& json) {
  GptConfig c = read_llama_keys(
      json, {.vocab = 32000, .width = 4096, .mlp_width = 14336, .context = 131072, .kv_heads = 8});
  // A null is no window; transformers puts 4096 for an absent key.
  if (json.has("sliding_window") || !json.value().contains("sliding_window")) {
    c.window = config_size(json, "sliding_window", 4096);
    c.window_blocks = WindowBlocks::all;
  }
  config_layer_types(json, c);
  return c;
}

nlohmann::ordered_json write_mistral(const GptConfig& c) {
  nlohmann::ordered_json json = write_llama_keys(c, "mistral", "MistralForCausalLM");
  json["sliding_window"] = nullptr;
  if (c.window) json["sliding_window"] = c.window;
  return json;
}

}  // namespace

extern constexpr HuggingFaceFamily mistral_family = {.model_type = "mistral",
                                                     .class_prefix = "Mistral",
                                                     .prefixes = kLlamaPrefixes,
                                                     .buffers = kLlamaBuffers,
                                                     .read = read_mistral,
                                                     .write = write_mistral,
                                                     .add_parts = add_llama_parts,
                                                     .tied = false};

}  // namespace lineage
