// OPT (Zhang et al. 2022).

#include "lineage/checkpoint/huggingface/config_keys.h"
#include "lineage/checkpoint/huggingface/family.h"

namespace lineage {
namespace {

GptConfig read_opt(const JsonObject& json) {
  config_flag(json, "layer_norm_elementwise_affine", true, true, "OPT with norms without gains");
  GptConfig c;
  if (!json.get_or<bool>("do_layer_norm_before", true))
    c.block_form = BlockForm::post_norm;  // OPT-350m; it has no last norm
  else
    config_flag(json, "_remove_final_layer_norm", false, false,
                "OPT of early fine-tuned checkpoints");
  c.bias = json.get_or<bool>("enable_bias", true);  // Galactica has none but those of the norms
  if (!c.bias) c.norm_bias = Biases::yes;
  c.layers = config_size(json, "num_hidden_layers", 12);
  c.width = config_size(json, "hidden_size", 768);
  c.heads = config_heads(json, "num_attention_heads", c.width);
  c.mlp_width = config_size(json, "ffn_dim", 3072);
  c.context = config_size(json, "max_position_embeddings", 2048);
  c.vocab = config_size(json, "vocab_size", 50272);
  if (const int64_t embedded = config_size(json, "word_embed_proj_dim", c.width);
      embedded != c.width)
    c.embedding_width = embedded;  // OPT-350m
  c.norm_eps = 1e-5;               // fixed in the architecture: config.json has no key for it
  c.activation = config_activation(json, "activation_function", "relu");
  c.position_offset = 2;  // fixed too
  c.init_std = config_positive(json, "init_std", 0.02);
  return c;
}

nlohmann::ordered_json write_opt(const GptConfig& c) {
  return {{"activation_function", activation_json(c.activation)},
          {"architectures", {"OPTForCausalLM"}},
          {"attention_dropout", 0.0},
          {"do_layer_norm_before", c.block_form != BlockForm::post_norm},
          {"dropout", 0.0},
          {"enable_bias", c.bias},
          {"ffn_dim", c.mlp_hidden_width()},
          {"hidden_size", c.width},
          {"init_std", c.init_std},
          {"layerdrop", 0.0},
          {"max_position_embeddings", c.context},
          {"model_type", "opt"},
          {"num_attention_heads", c.heads},
          {"num_hidden_layers", c.layers},
          {"word_embed_proj_dim", c.embedding_channels()}};
}

void add_opt_parts(PartList& parts, const GptConfig& c) {
  const int64_t C = c.width, F = c.mlp_hidden_width(), E = c.embedding_channels();
  const bool bias = c.bias;
  parts.table("embed_tokens.weight", "token_embedding.weight", c.vocab, E);
  parts.table("embed_positions.weight", "position_embedding.weight", c.context + c.position_offset,
              C);
  if (c.embedding_width) {
    parts.linear("project_out", "project_out", C, E, false);
    parts.linear("project_in", "project_in", E, C, false);
  }
  if (c.block_form != BlockForm::post_norm) parts.norm("final_layer_norm", "norm", C);
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string layer = "layers." + std::to_string(i), block = "blocks." + std::to_string(i);
    const std::string qkv = block + ".attention.qkv";  // its rows: queries, keys, values
    parts.linear(layer + ".self_attn.k_proj", qkv, C, C, bias, C);
    parts.linear(layer + ".self_attn.v_proj", qkv, C, C, bias, 2 * C);
    parts.linear(layer + ".self_attn.q_proj", qkv, C, C, bias, 0);
    parts.linear(layer + ".self_attn.out_proj", block + ".attention.out", C, C, bias);
    parts.norm(layer + ".self_attn_layer_norm", block + ".norm1", C);
    parts.linear(layer + ".fc1", block + ".mlp.in", C, F, bias);
    parts.linear(layer + ".fc2", block + ".mlp.out", F, C, bias);
    parts.norm(layer + ".final_layer_norm", block + ".norm2", C);
  }
}

constexpr std::string_view kOptPrefixes[] = {"model.decoder.", "decoder.", ""};

}  // namespace

extern constexpr HuggingFaceFamily opt_family = {.model_type = "opt",
                                                 .class_prefix = "OPT",
                                                 .prefixes = kOptPrefixes,
                                                 .buffers = {},
                                                 .read = read_opt,
                                                 .write = write_opt,
                                                 .add_parts = add_opt_parts};

}  // namespace lineage
