// Qwen2 (Yang et al. 2024), and 2.5: LLaMA with biases of queries, keys and values.

#include "lineage/checkpoint/huggingface/qwen.h"

namespace lineage {

void read_qwen_window(const JsonObject& json, GptConfig& c) {
  const int64_t full = json.get_or<int64_t>("max_window_layers", 28);
  if (full < 0) json.refuse("max_window_layers", "an integer of at least 0");
  const bool null = json.value().contains("sliding_window") && !json.has("sliding_window");
  if (json.get_or<bool>("use_sliding_window", false) && !null && full < c.layers) {
    c.window = config_size(json, "sliding_window", 4096);
    c.window_blocks = WindowBlocks::all;
    c.window_from = full;
  }
  config_layer_types(json, c);
}

void write_qwen_window(const GptConfig& c, nlohmann::ordered_json& json) {
  json["max_window_layers"] = c.window ? c.window_from : c.layers;
  json["sliding_window"] = nullptr;
  if (c.window) json["sliding_window"] = c.window;
  json["use_sliding_window"] = c.window > 0;
}

namespace {

GptConfig read_qwen2(const JsonObject& json) {
  GptConfig c = read_llama_keys(
      json, {.vocab = 151936, .width = 4096, .mlp_width = 22016, .context = 32768, .kv_heads = 32});
  c.qkv_bias = Biases::yes;
  config_flag(json, "use_mrope", false, false, "Qwen2 with multimodal positions");
  read_qwen_window(json, c);
  return c;
}

nlohmann::ordered_json write_qwen2(const GptConfig& c) {
  nlohmann::ordered_json json = write_llama_keys(c, "qwen2", "Qwen2ForCausalLM");
  write_qwen_window(c, json);
  return json;
}

}  // namespace

extern constexpr HuggingFaceFamily qwen2_family = {.model_type = "qwen2",
                                                   .class_prefix = "Qwen2",
                                                   .prefixes = kLlamaPrefixes,
                                                   .buffers = kLlamaBuffers,
                                                   .read = read_qwen2,
                                                   .write = write_qwen2,
                                                   .add_parts = add_llama_parts,
                                                   .tied = false};

}  // namespace lineage
