// GPT-NeoX (Black et al. 2022) and Pythia (Biderman et al. 2023).

#include "lineage/checkpoint/huggingface/config_keys.h"
#include "lineage/checkpoint/huggingface/family.h"

namespace lineage {
namespace {

GptConfig read_gpt_neox(const JsonObject& json) {
  GptConfig c;
  c.layers = config_size(json, "num_hidden_layers", 44);
  c.width = config_size(json, "hidden_size", 6144);
  c.heads = config_heads(json, "num_attention_heads", c.width, 64);
  c.mlp_width = config_size(json, "intermediate_size", 24576);
  c.context = config_size(json, "max_position_embeddings", 2048);
  c.vocab = config_size(json, "vocab_size", 50432);
  c.norm_eps = config_positive(json, "layer_norm_eps", 1e-5);
  c.activation = config_activation(json, "hidden_act", "gelu");
  config_rotary(json, "rotary_emb_base", 10000, c);
  c.rotary_width = config_rotary_width(json, 0.25, c.width / c.heads);
  if (json.get_or<bool>("use_parallel_residual", true)) c.block_form = BlockForm::parallel;
  if (!json.get_or<bool>("attention_bias", true)) c.qkv_bias = c.attention_bias = Biases::no;
  c.init_std = config_positive(json, "initializer_range", 0.02);
  return c;
}

nlohmann::ordered_json write_gpt_neox(const GptConfig& c) {
  return {{"architectures", {"GPTNeoXForCausalLM"}},
          {"attention_bias", c.biased(c.qkv_bias)},
          {"attention_dropout", 0.0},
          {"hidden_act", activation_json(c.activation)},
          {"hidden_dropout", 0.0},
          {"hidden_size", c.width},
          {"initializer_range", c.init_std},
          {"intermediate_size", c.mlp_hidden_width()},
          {"layer_norm_eps", c.norm_eps},
          {"max_position_embeddings", c.context},
          {"model_type", "gpt_neox"},
          {"num_attention_heads", c.heads},
          {"num_hidden_layers", c.layers},
          {"rope_scaling", rotary_scaling_json(c.rotary_scaling)},
          {"rotary_emb_base", c.rotary_theta},
          {"rotary_pct", rotary_part(c)},
          {"use_parallel_residual", c.block_form == BlockForm::parallel}};
}

void add_gpt_neox_parts(PartList& parts, const GptConfig& c) {
  const int64_t C = c.width, F = c.mlp_hidden_width();
  parts.table("embed_in.weight", "token_embedding.weight", c.vocab, C);
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string layer = "layers." + std::to_string(i), block = "blocks." + std::to_string(i);
    parts.norm(layer + ".input_layernorm", block + ".norm1", C);
    parts.norm(layer + ".post_attention_layernorm", block + ".norm2", C);
    parts.head_major(layer + ".attention.query_key_value", block + ".attention.qkv", C, 3 * C,
                     c.heads, c.biased(c.qkv_bias));
    parts.linear(layer + ".attention.dense", block + ".attention.out", C, C,
                 c.biased(c.attention_bias));
    parts.linear(layer + ".mlp.dense_h_to_4h", block + ".mlp.in", C, F);
    parts.linear(layer + ".mlp.dense_4h_to_h", block + ".mlp.out", F, C);
  }
  parts.norm("final_layer_norm", "norm", C);
}

constexpr std::string_view kGptNeoxPrefixes[] = {"gpt_neox.", ""};
constexpr std::string_view kGptNeoxBuffers[] = {".attention.bias", ".attention.masked_bias",
                                                "rotary_emb.inv_freq"};

}  // namespace

extern constexpr HuggingFaceFamily gpt_neox_family = {.model_type = "gpt_neox",
                                                      .class_prefix = "GPTNeoXForCausalLM",
                                                      .prefixes = kGptNeoxPrefixes,
                                                      .buffers = kGptNeoxBuffers,
                                                      .read = read_gpt_neox,
                                                      .write = write_gpt_neox,
                                                      .add_parts = add_gpt_neox_parts,
                                                      .tied = false,
                                                      .head = "embed_out.weight"};

}  // namespace lineage
