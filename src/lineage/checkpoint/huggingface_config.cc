#include "lineage/checkpoint/huggingface_config.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/checkpoint/json.h"

namespace lineage {
namespace {

constexpr double kOptNormEps = 1e-5;  // fixed in the architecture: config.json has no key for it
constexpr int64_t kOptPositionOffset = 2;

// The first name of each activation is the one that we write.
struct ActivationName {
  std::string_view name;
  Activation activation;
};
constexpr ActivationName kActivations[] = {
    {"gelu_new", Activation::gelu_tanh},  {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh}, {"gelu_accurate", Activation::gelu_tanh},
    {"gelu", Activation::gelu_erf},       {"gelu_python", Activation::gelu_erf},
    {"relu", Activation::relu},           {"relu2", Activation::relu_squared},
};

std::optional<std::string> activation_name(Activation activation) {
  for (const ActivationName& known : kActivations)
    if (known.activation == activation) return std::string(known.name);
  return std::nullopt;
}

Activation read_activation(const JsonObject& json, const std::string& fallback) {
  const auto name = json.get_or<std::string>("activation_function", fallback);
  std::string all;
  for (const ActivationName& known : kActivations) {
    if (name == known.name) return known.activation;
    all += (all.empty() ? "" : ", ") + std::string(known.name);
  }
  json.refuse("activation_function", "one of " + all);
}

// `variant`: which models have the other value.
void want(const JsonObject& json, std::string_view key, bool wanted, bool fallback,
          const std::string& variant) {
  if (json.get_or<bool>(key, fallback) != wanted)
    json.refuse(key, wanted ? "true" : "false",
                "a variant that is not computed here: " + variant +
                    "; take a model of the plain architecture");
}

// Sizes are bounded before anything is computed from them.
int64_t size(const JsonObject& json, std::string_view key, int64_t fallback) {
  constexpr int64_t kLargest = int64_t{1} << 28;
  const int64_t value = json.get_or<int64_t>(key, fallback);
  if (value < 1 || value > kLargest)
    json.refuse(key, "an integer from 1 to " + std::to_string(kLargest));
  return value;
}

int64_t heads(const JsonObject& json, std::string_view key, int64_t width) {
  const int64_t heads = size(json, key, 12);
  if (width % heads != 0) json.refuse(key, "a divisor of the width " + std::to_string(width));
  return heads;
}

double positive(const JsonObject& json, std::string_view key, double fallback) {
  const double value = json.get_or<double>(key, fallback);
  if (!(value > 0 && value < 1e30)) json.refuse(key, "a number above 0");
  return value;
}

GptConfig read_gpt2(const JsonObject& json) {
  want(json, "scale_attn_weights", true, true, "GPT-2 with unscaled attention");
  want(json, "scale_attn_by_inverse_layer_idx", false, false,
       "GPT-2 with attention scaled by layer, as Mistral of Stanford CRFM");
  want(json, "add_cross_attention", false, false, "GPT-2 as the decoder of an encoder");
  if (json.has("pruned_heads") && !json.child("pruned_heads").value().empty())
    json.refuse("pruned_heads", "none");
  GptConfig c;
  c.layers = size(json, "n_layer", 12);
  c.width = size(json, "n_embd", 768);
  c.heads = heads(json, "n_head", c.width);
  c.hidden = size(json, "n_inner", 4 * c.width);
  c.context = size(json, json.has("n_positions") ? "n_positions" : "n_ctx", 1024);
  c.vocab = size(json, "vocab_size", 50257);
  c.norm_eps = positive(json, "layer_norm_epsilon", 1e-5);
  c.activation = read_activation(json, "gelu_new");
  c.init_std = positive(json, "initializer_range", 0.02);
  return c;
}

GptConfig read_opt(const JsonObject& json) {
  want(json, "do_layer_norm_before", true, true, "OPT with norms after the sums, as OPT-350m");
  want(json, "_remove_final_layer_norm", false, false, "OPT of early fine-tuned checkpoints");
  want(json, "enable_bias", true, true, "OPT without biases, as Galactica");
  want(json, "layer_norm_elementwise_affine", true, true, "OPT with norms without gains");
  GptConfig c;
  c.layers = size(json, "num_hidden_layers", 12);
  c.width = size(json, "hidden_size", 768);
  c.heads = heads(json, "num_attention_heads", c.width);
  c.hidden = size(json, "ffn_dim", 3072);
  c.context = size(json, "max_position_embeddings", 2048);
  c.vocab = size(json, "vocab_size", 50272);
  if (size(json, "word_embed_proj_dim", c.width) != c.width)
    json.refuse("word_embed_proj_dim", "hidden_size, " + std::to_string(c.width),
                "projected embeddings (OPT-350m) cannot be computed here");
  c.norm_eps = kOptNormEps;
  c.activation = read_activation(json, "relu");
  c.position_offset = kOptPositionOffset;
  c.init_std = positive(json, "init_std", 0.02);
  return c;
}

nlohmann::ordered_json gpt2_json(const GptConfig& c) {
  return {{"activation_function", *activation_name(c.activation)},
          {"architectures", {"GPT2LMHeadModel"}},
          {"attn_pdrop", 0.0},
          {"embd_pdrop", 0.0},
          {"initializer_range", c.init_std},
          {"layer_norm_epsilon", c.norm_eps},
          {"model_type", "gpt2"},
          {"n_ctx", c.context},
          {"n_embd", c.width},
          {"n_head", c.heads},
          {"n_inner", c.hidden_width()},
          {"n_layer", c.layers},
          {"n_positions", c.context},
          {"resid_pdrop", 0.0}};
}

nlohmann::ordered_json opt_json(const GptConfig& c) {
  return {{"activation_function", *activation_name(c.activation)},
          {"architectures", {"OPTForCausalLM"}},
          {"attention_dropout", 0.0},
          {"do_layer_norm_before", true},
          {"dropout", 0.0},
          {"ffn_dim", c.hidden_width()},
          {"hidden_size", c.width},
          {"init_std", c.init_std},
          {"layerdrop", 0.0},
          {"max_position_embeddings", c.context},
          {"model_type", "opt"},
          {"num_attention_heads", c.heads},
          {"num_hidden_layers", c.layers},
          {"word_embed_proj_dim", c.width}};
}

}  // namespace

std::string_view model_type(HuggingFaceFamily family) {
  return family == HuggingFaceFamily::gpt2 ? "gpt2" : "opt";
}

namespace {

// By model_type; in files without one by the class in "architectures" (GPT2LMHeadModel); in GPT-2's
// own of 2019, which have neither, by the keys. GPT-1's have n_embd too, and "afn".
HuggingFaceConfig read_family(const JsonObject& json) {
  const auto type = json.get_or<std::string>("model_type", "");
  if (type == "gpt2") return {};
  if (type == "opt") return {HuggingFaceFamily::opt, {}, ""};
  if (type.empty()) {
    if (json.has("architectures"))
      for (const nlohmann::json& name : json.list("architectures")) {
        if (!name.is_string()) continue;
        const auto& text = name.get_ref<const std::string&>();
        if (text.starts_with("GPT2")) return {HuggingFaceFamily::gpt2, {}, "architectures"};
        if (text.starts_with("OPT")) return {HuggingFaceFamily::opt, {}, "architectures"};
      }
    else if (json.has("n_embd") && json.has("n_layer") && !json.has("afn"))
      return {HuggingFaceFamily::gpt2, {}, "n_embd and n_layer"};
  }
  json.refuse(
      "model_type", "\"gpt2\" or \"opt\"",
      "only models of these two families are imported; others must be saved as one of them");
}

}  // namespace

HuggingFaceConfig read_huggingface_config(const fs::path& path) {
  const JsonObject json = JsonObject::load(path);
  HuggingFaceConfig config = read_family(json);
  config.model = config.family == HuggingFaceFamily::gpt2 ? read_gpt2(json) : read_opt(json);
  if (json.has("quantization_config"))
    json.refuse("quantization_config", "none", "import the model before it was quantized");
  config.model.tied = json.get_or<bool>("tie_word_embeddings", true);
  config.model.validate(path.string());
  return config;
}

HuggingFaceFamily family_of(const GptConfig& c, const std::string& place) {
  const auto can = [&](bool ok, std::string_view key, auto seen, std::string_view wanted) {
    if (ok) return;
    std::ostringstream what;
    what << place << ": model." << key << " is " << seen
         << "; neither GPT-2's nor OPT's format can say that, they want " << wanted;
    throw Error(what.str(),
                "models of preset = \"gpt3\" can be exported; those of \"modern\", as the "
                "micro-world's, must be grown again with it");
  };
  const auto name = [](auto e) { return enum_names(e)[static_cast<size_t>(e)]; };
  can(c.positions == Positions::learned, "positions", name(c.positions), "learned");
  can(c.norm == Norm::layer, "norm", name(c.norm), "layer");
  can(activation_name(c.activation).has_value(), "activation", name(c.activation),
      "gelu_tanh, gelu_erf, relu or relu_squared");
  can(c.bias, "bias", "false", "true");
  can(!c.qk_norm, "qk_norm", "true", "false");
  can(!c.previous_token, "previous_token", "true", "false");
  can(c.window == 0, "window", c.window, "0");
  can(c.attention(0).kv_heads == c.heads, "kv_heads", c.kv_heads, "as many as heads");
  can(c.attention(0).head_width * c.heads == c.width, "head_width", c.head_width, "width / heads");
  can(c.position_offset == 0 || c.position_offset == kOptPositionOffset, "position_offset",
      c.position_offset, "0 (GPT-2) or 2 (OPT)");
  if (c.position_offset == 0) return HuggingFaceFamily::gpt2;
  can(c.norm_eps == kOptNormEps, "norm_eps", c.norm_eps, "1e-05 with position_offset 2 (OPT)");
  return HuggingFaceFamily::opt;
}

nlohmann::ordered_json huggingface_eos_ids(const Tokenizer* tokenizer, bool tuned) {
  nlohmann::ordered_json ids = nlohmann::ordered_json::array();
  if (tokenizer)
    for (Special end : {Special::end_of_text, Special::end_of_turn})
      if (const auto id = tokenizer->find_special(end);
          id && (tuned || end == Special::end_of_text))
        ids.push_back(*id);
  return ids;
}

std::string huggingface_config_json(HuggingFaceFamily family, const GptConfig& config,
                                    const Tokenizer* tokenizer) {
  auto json = family == HuggingFaceFamily::gpt2 ? gpt2_json(config) : opt_json(config);
  const auto end = tokenizer ? tokenizer->find_special(Special::end_of_text) : std::nullopt;
  auto begin = end;
  if (tokenizer && !tokenizer->begin_of_text().empty()) begin = tokenizer->begin_of_text().front();
  // Null where there is none: the defaults of transformers are ids of other vocabularies.
  const auto id = [](const std::optional<Token>& token) {
    return token ? nlohmann::ordered_json(*token) : nlohmann::ordered_json();
  };
  json["bos_token_id"] = id(begin);
  json["eos_token_id"] = id(end);
  json["pad_token_id"] = id(tokenizer ? tokenizer->find_special(Special::pad) : std::nullopt);
  json["tie_word_embeddings"] = config.tied;
  json["torch_dtype"] = "float32";
  json["use_cache"] = true;
  json["vocab_size"] = config.vocab;
  return json.dump(2) + "\n";
}

}  // namespace lineage
