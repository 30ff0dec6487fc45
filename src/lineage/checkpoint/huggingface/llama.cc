// LLaMA 1 to 3 (Touvron et al. 2023; Dubey et al. 2024).

#include "lineage/checkpoint/huggingface/llama.h"

namespace lineage {

GptConfig read_llama_keys(const JsonObject& json, const LlamaDefaults& absent) {
  GptConfig c;
  c.layers = config_size(json, "num_hidden_layers", 32);
  c.width = config_size(json, "hidden_size", absent.width);
  const bool null_head = json.value().contains("head_dim") && !json.has("head_dim");
  if (json.has("head_dim") || (absent.head_width && !null_head)) {
    c.heads = config_size(json, "num_attention_heads", 32);
    c.head_width = config_size(json, "head_dim", absent.head_width);
  } else {
    c.heads = config_heads(json, "num_attention_heads", c.width, 32);
  }
  c.kv_heads = config_kv_heads(json, c.heads, absent.kv_heads);
  c.mlp_width = config_size(json, "intermediate_size", absent.mlp_width);
  c.context = config_size(json, "max_position_embeddings", absent.context);
  c.vocab = config_size(json, "vocab_size", absent.vocab);
  c.norm = Norm::rms;
  c.norm_eps = config_positive(json, "rms_norm_eps", 1e-6);
  c.activation = config_gate(json);
  config_rotary(json, "rope_theta", 10000, c);
  if (json.has("partial_rotary_factor") && json.get<double>("partial_rotary_factor") != 1)
    json.refuse("partial_rotary_factor", "1", "LLaMA's heads turn whole");
  c.init_std = config_positive(json, "initializer_range", 0.02);
  c.bias = false;
  return c;
}

nlohmann::ordered_json write_llama_keys(const GptConfig& c, std::string_view model_type,
                                        std::string_view architecture) {
  const AttentionSpec spec = c.attention(0);
  return {{"architectures", {architecture}},
          {"attention_dropout", 0.0},
          {"head_dim", spec.head_width},
          {"hidden_act", gate_json(c.activation)},
          {"hidden_size", c.width},
          {"initializer_range", c.init_std},
          {"intermediate_size", c.mlp_hidden_width()},
          {"max_position_embeddings", c.context},
          {"model_type", model_type},
          {"num_attention_heads", spec.heads},
          {"num_hidden_layers", c.layers},
          {"num_key_value_heads", spec.kv_heads},
          {"rms_norm_eps", c.norm_eps},
          {"rope_scaling", rotary_scaling_json(c.rotary_scaling)},
          {"rope_theta", c.rotary_theta}};
}

void add_llama_parts(PartList& parts, const GptConfig& c) {
  const AttentionSpec spec = c.attention(0);
  const int64_t C = c.width, F = c.mlp_hidden_width(), D = spec.head_width;
  const int64_t queries = spec.heads * D, keys = spec.kv_heads * D;
  const bool qkv_bias = c.biased(c.qkv_bias), mlp_bias = c.biased(c.mlp_bias);
  parts.table("embed_tokens.weight", "token_embedding.weight", c.vocab, C);
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string layer = "layers." + std::to_string(i), block = "blocks." + std::to_string(i);
    const std::string qkv = block + ".attention.qkv", mlp = block + ".mlp.in";
    parts.linear(layer + ".self_attn.q_proj", qkv, C, queries, qkv_bias, 0);
    parts.linear(layer + ".self_attn.k_proj", qkv, C, keys, qkv_bias, queries);
    parts.linear(layer + ".self_attn.v_proj", qkv, C, keys, qkv_bias, queries + keys);
    parts.linear(layer + ".self_attn.o_proj", block + ".attention.out", queries, C,
                 c.biased(c.attention_bias));
    if (c.qk_norm) {
      parts.gain(layer + ".self_attn.q_norm.weight", block + ".attention.q_gain", D);
      parts.gain(layer + ".self_attn.k_norm.weight", block + ".attention.k_gain", D);
    }
    parts.linear(layer + ".mlp.gate_proj", mlp, C, F, mlp_bias, 0);
    parts.linear(layer + ".mlp.up_proj", mlp, C, F, mlp_bias, F);
    parts.linear(layer + ".mlp.down_proj", block + ".mlp.out", F, C, mlp_bias);
    parts.norm(layer + ".input_layernorm", block + ".norm1", C, false);
    parts.norm(layer + ".post_attention_layernorm", block + ".norm2", C, false);
  }
  parts.norm("norm", "norm", C, false);
}

namespace {

GptConfig read_llama(const JsonObject& json) {
  GptConfig c =
      read_llama_keys(json, {.vocab = 32000, .width = 4096, .mlp_width = 11008, .context = 2048});
  const bool attention_bias = json.get_or<bool>("attention_bias", false);
  c.qkv_bias = c.attention_bias = attention_bias ? Biases::yes : Biases::no;
  c.mlp_bias = json.get_or<bool>("mlp_bias", false) ? Biases::yes : Biases::no;
  return c;
}

nlohmann::ordered_json write_llama(const GptConfig& c) {
  nlohmann::ordered_json json = write_llama_keys(c, "llama", "LlamaForCausalLM");
  json["attention_bias"] = c.biased(c.qkv_bias);
  json["mlp_bias"] = c.biased(c.mlp_bias);
  return json;
}

}  // namespace

extern constexpr HuggingFaceFamily llama_family = {.model_type = "llama",
                                                   .class_prefix = "Llama",
                                                   .prefixes = kLlamaPrefixes,
                                                   .buffers = kLlamaBuffers,
                                                   .read = read_llama,
                                                   .write = write_llama,
                                                   .add_parts = add_llama_parts,
                                                   .tied = false,
                                                   .preset = "llama"};

}  // namespace lineage
