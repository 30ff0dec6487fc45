// BLOOM (Le Scao et al. 2022).

#include "lineage/checkpoint/huggingface/config_keys.h"
#include "lineage/checkpoint/huggingface/family.h"

namespace lineage {
namespace {

// The name that this config.json has for a key with two.
std::string_view either(const JsonObject& json, std::string_view first, std::string_view second) {
  return json.has(first) ? first : second;
}

GptConfig read_bloom(const JsonObject& json) {
  config_flag(json, "apply_residual_connection_post_layernorm", false, false,
              "BLOOM whose residual is the normed input");
  GptConfig c;
  c.layers = config_size(json, either(json, "n_layer", "num_hidden_layers"), 2);
  c.width = config_size(json, either(json, "n_embed", "hidden_size"), 64);
  c.heads = config_heads(json, either(json, "num_attention_heads", "n_head"), c.width, 8);
  c.mlp_width = config_size(json, "n_inner", 4 * c.width);
  if (c.mlp_width != 4 * c.width)
    json.refuse("n_inner", "null, or four times the width: " + std::to_string(4 * c.width));
  c.context = config_size(json, "seq_length", 2048);  // no limit of ALiBi, but of the pretraining
  c.vocab = config_size(json, "vocab_size", 250880);
  c.norm_eps = config_positive(json, "layer_norm_epsilon", 1e-5);
  c.activation = Activation::gelu_tanh;  // fixed in the architecture: config.json has no key for it
  c.positions = Positions::alibi;
  c.embedding_norm = true;
  c.init_std = config_positive(json, "initializer_range", 0.02);
  return c;
}

nlohmann::ordered_json write_bloom(const GptConfig& c) {
  return {{"apply_residual_connection_post_layernorm", false},
          {"architectures", {"BloomForCausalLM"}},
          {"attention_dropout", 0.0},
          {"hidden_dropout", 0.0},
          {"hidden_size", c.width},
          {"initializer_range", c.init_std},
          {"layer_norm_epsilon", c.norm_eps},
          {"model_type", "bloom"},
          {"n_head", c.heads},
          {"n_layer", c.layers},
          {"pretraining_tp", 1},
          {"seq_length", c.context},
          {"slow_but_exact", false}};
}

void add_bloom_parts(PartList& parts, const GptConfig& c) {
  const int64_t C = c.width, F = c.mlp_hidden_width();
  parts.table("word_embeddings.weight", "token_embedding.weight", c.vocab, C);
  parts.norm("word_embeddings_layernorm", "embedding_norm", C);
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string h = "h." + std::to_string(i), block = "blocks." + std::to_string(i);
    parts.norm(h + ".input_layernorm", block + ".norm1", C);
    parts.head_major(h + ".self_attention.query_key_value", block + ".attention.qkv", C, 3 * C,
                     c.heads);
    parts.linear(h + ".self_attention.dense", block + ".attention.out", C, C);
    parts.norm(h + ".post_attention_layernorm", block + ".norm2", C);
    parts.linear(h + ".mlp.dense_h_to_4h", block + ".mlp.in", C, F);
    parts.linear(h + ".mlp.dense_4h_to_h", block + ".mlp.out", F, C);
  }
  parts.norm("ln_f", "norm", C);
}

constexpr std::string_view kBloomPrefixes[] = {"transformer.", ""};

}  // namespace

extern constexpr HuggingFaceFamily bloom_family = {.model_type = "bloom",
                                                   .class_prefix = "Bloom",
                                                   .prefixes = kBloomPrefixes,
                                                   .buffers = {},
                                                   .read = read_bloom,
                                                   .write = write_bloom,
                                                   .add_parts = add_bloom_parts};

}  // namespace lineage
