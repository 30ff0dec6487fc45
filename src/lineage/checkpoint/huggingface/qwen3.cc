// Qwen3 (Yang et al. 2025): LLaMA with RMS norms of each head's queries and keys.

#include "lineage/checkpoint/huggingface/qwen.h"

namespace lineage {
namespace {

GptConfig read_qwen3(const JsonObject& json) {
  GptConfig c = read_llama_keys(json, {.vocab = 151936,
                                       .width = 4096,
                                       .mlp_width = 22016,
                                       .context = 32768,
                                       .kv_heads = 32,
                                       .head_width = 128});
  c.qk_norm = true;
  const bool attention_bias = json.get_or<bool>("attention_bias", false);
  c.qkv_bias = c.attention_bias = attention_bias ? Biases::yes : Biases::no;
  read_qwen_window(json, c);
  return c;
}

nlohmann::ordered_json write_qwen3(const GptConfig& c) {
  nlohmann::ordered_json json = write_llama_keys(c, "qwen3", "Qwen3ForCausalLM");
  json["attention_bias"] = c.biased(c.qkv_bias);
  write_qwen_window(c, json);
  return json;
}

}  // namespace

extern constexpr HuggingFaceFamily qwen3_family = {.model_type = "qwen3",
                                                   .class_prefix = "Qwen3",
                                                   .prefixes = kLlamaPrefixes,
                                                   .buffers = kLlamaBuffers,
                                                   .read = read_qwen3,
                                                   .write = write_qwen3,
                                                   .add_parts = add_llama_parts,
                                                   .tied = false,
                                                   .preset = "qwen3"};

}  // namespace lineage
