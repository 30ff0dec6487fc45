// GPT-2 (Radford et al. 2019).

#include "lineage/checkpoint/huggingface/config_keys.h"
#include "lineage/checkpoint/huggingface/family.h"

namespace lineage {
namespace {

GptConfig read_gpt2(const JsonObject& json) {
  config_flag(json, "scale_attn_weights", true, true, "GPT-2 with unscaled attention");
  config_flag(json, "scale_attn_by_inverse_layer_idx", false, false,
              "GPT-2 with attention scaled by layer, as Mistral of Stanford CRFM");
  config_flag(json, "add_cross_attention", false, false, "GPT-2 as the decoder of an encoder");
  if (json.has("pruned_heads") && !json.child("pruned_heads").value().empty())
    json.refuse("pruned_heads", "none");
  GptConfig c;
  c.layers = config_size(json, "n_layer", 12);
  c.width = config_size(json, "n_embd", 768);
  c.heads = config_heads(json, "n_head", c.width);
  c.mlp_width = config_size(json, "n_inner", 4 * c.width);
  c.context = config_size(json, json.has("n_positions") ? "n_positions" : "n_ctx", 1024);
  c.vocab = config_size(json, "vocab_size", 50257);
  c.norm_eps = config_positive(json, "layer_norm_epsilon", 1e-5);
  c.activation = config_activation(json, "activation_function", "gelu_new");
  c.init_std = config_positive(json, "initializer_range", 0.02);
  return c;
}

nlohmann::ordered_json write_gpt2(const GptConfig& c) {
  return {{"activation_function", activation_json(c.activation)},
          {"architectures", {"GPT2LMHeadModel"}},
          {"attn_pdrop", 0.0},
          {"embd_pdrop", 0.0},
          {"initializer_range", c.init_std},
          {"layer_norm_epsilon", c.norm_eps},
          {"model_type", "gpt2"},
          {"n_ctx", c.context},
          {"n_embd", c.width},
          {"n_head", c.heads},
          {"n_inner", c.mlp_hidden_width()},
          {"n_layer", c.layers},
          {"n_positions", c.context},
          {"resid_pdrop", 0.0}};
}

void add_gpt2_parts(PartList& parts, const GptConfig& c) {
  const int64_t C = c.width, F = c.mlp_hidden_width();
  parts.table("wte.weight", "token_embedding.weight", c.vocab, C);
  parts.table("wpe.weight", "position_embedding.weight", c.context, C);
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string h = "h." + std::to_string(i), block = "blocks." + std::to_string(i);
    parts.norm(h + ".ln_1", block + ".norm1", C);
    parts.conv1d(h + ".attn.c_attn", block + ".attention.qkv", C, 3 * C);
    parts.conv1d(h + ".attn.c_proj", block + ".attention.out", C, C);
    parts.norm(h + ".ln_2", block + ".norm2", C);
    parts.conv1d(h + ".mlp.c_fc", block + ".mlp.in", C, F);
    parts.conv1d(h + ".mlp.c_proj", block + ".mlp.out", F, C);
  }
  parts.norm("ln_f", "norm", C);
}

// OpenAI's own files of 2019 have neither model_type nor architectures. GPT-1's have n_embd too,
// and "afn".
std::string_view gpt2_marks(const JsonObject& json) {
  return json.has("n_embd") && json.has("n_layer") && !json.has("afn") ? "n_embd and n_layer" : "";
}

constexpr std::string_view kGpt2Prefixes[] = {"transformer.", ""};
constexpr std::string_view kGpt2Buffers[] = {".attn.bias", ".attn.masked_bias"};

}  // namespace

extern constexpr HuggingFaceFamily gpt2_family = {.model_type = "gpt2",
                                                  .class_prefix = "GPT2",
                                                  .prefixes = kGpt2Prefixes,
                                                  .buffers = kGpt2Buffers,
                                                  .read = read_gpt2,
                                                  .write = write_gpt2,
                                                  .add_parts = add_gpt2_parts,
                                                  .marks = gpt2_marks,
                                                  .preset = "gpt3"};

}  // namespace lineage
