#include "lineage/checkpoint/huggingface/config.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/base/json.h"

namespace lineage {
namespace {

// By model_type; in files without one by the class in "architectures" (GPT2LMHeadModel); in files
// with neither by the family's own keys.
HuggingFaceConfig find_family(const JsonObject& json) {
  const auto type = json.get_or<std::string>("model_type", "");
  for (const HuggingFaceFamily* family : huggingface_families()) {
    if (type == family->model_type) return {family, {}, ""};
    if (!type.empty()) continue;
    if (json.has("architectures")) {
      for (const nlohmann::json& name : json.list("architectures"))
        if (name.is_string() &&
            name.get_ref<const std::string&>().starts_with(family->class_prefix))
          return {family, {}, "architectures"};
    } else if (family->marks) {
      if (const std::string_view marks = family->marks(json); !marks.empty())
        return {family, {}, std::string(marks)};
    }
  }
  json.refuse("model_type", huggingface_family_names(),
              "only models of these families are imported; others must be saved as one of them");
}

GptConfig read_model(const HuggingFaceFamily& family, const JsonObject& json) {
  GptConfig model = family.read(json);
  if (json.has("quantization_config"))
    json.refuse("quantization_config", "none", "import the model before it was quantized");
  for (const char* key : {"num_local_experts", "num_experts", "n_routed_experts"})
    if (json.has(key)) json.refuse(key, "none", "mixtures of experts are not computed here");
  model.tied = json.get_or<bool>("tie_word_embeddings", family.tied);
  return model;
}

nlohmann::ordered_json write_model(const HuggingFaceFamily& family, const GptConfig& model) {
  nlohmann::ordered_json json = family.write(model);
  json["tie_word_embeddings"] = model.tied;
  json["vocab_size"] = model.vocab;
  return json;
}

// Names and values of a config's fields.
class FieldTexts {
 public:
  template <class F>
  void operator()(const char* key, F& field, const char* /*doc*/, Range = {}) {
    std::ostringstream text;
    text << std::boolalpha;
    if constexpr (ConfigEnum<F>) {
      text << enum_name(field);
    } else if constexpr (ConfigScalar<F>) {
      text << field;
    } else {
      FieldTexts inner;
      fields(inner, field);
      for (const auto& [name, value] : inner.texts)
        texts.emplace_back(std::string(key) + "." + name, value);
      return;
    }
    texts.emplace_back(key, text.str());
  }
  template <class F>
  void operator()(const char* key, F& field, const char* doc, const Later<F>&) {
    (*this)(key, field, doc);
  }
  std::vector<std::pair<std::string, std::string>> texts;
};

// Two models that compute the same have the same texts.
FieldTexts field_texts(const GptConfig& model) {
  GptConfig c = model.canonical();
  c.init_std = GptConfig().init_std;  // of a model that is yet to be trained
  c.zero_residual = false;
  FieldTexts all;
  fields(all, c);
  return all;
}

// The model's fields that the family's config.json cannot express, one text for each.
std::vector<std::string> losses(const HuggingFaceFamily& family, const GptConfig& model) {
  const std::string type(family.model_type);
  GptConfig back;
  try {
    back = read_model(family, JsonObject(write_model(family, model), type));
  } catch (const Error& e) {
    return {e.what()};
  }
  std::vector<std::string> losses;
  const auto wanted = field_texts(back).texts;
  const auto seen = field_texts(model).texts;
  for (size_t i = 0; i < seen.size(); ++i)
    if (seen[i] != wanted[i])
      losses.push_back("model." + seen[i].first + " is " + seen[i].second + ", where " + type +
                       " wants " + wanted[i].second);
  return losses;
}

}  // namespace

HuggingFaceConfig read_huggingface_config(const JsonObject& json) {
  HuggingFaceConfig config = find_family(json);
  config.model = read_model(*config.family, json);
  config.model.validate(json.place());
  return config;
}

HuggingFaceConfig read_huggingface_config(const fs::path& path) {
  return read_huggingface_config(JsonObject::load(path));
}

const HuggingFaceFamily& writable_family(const GptConfig& model, const std::string& place) {
  // The fewest losses of any family.
  size_t fewest = SIZE_MAX;
  std::string all, presets;
  for (const HuggingFaceFamily* family : huggingface_families()) {
    const std::vector<std::string> lost = losses(*family, model);
    if (lost.empty()) return *family;
    if (lost.size() < fewest) all.clear(), presets.clear();
    fewest = std::min(fewest, lost.size());
    if (lost.size() > fewest) continue;
    for (const std::string& text : lost) all += "; " + text;
    if (!family->preset.empty())
      presets += (presets.empty() ? "\"" : " or \"") + std::string(family->preset) + "\"";
  }
  if (presets.empty()) presets = "\"gpt3\", \"llama\" or \"qwen3\"";
  throw Error(place + ": no format of Hugging Face can say this model: " + all.substr(2),
              "grow it again with preset = " + presets + ", whose models can be exported");
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

std::string huggingface_config_json(const HuggingFaceFamily& family, const GptConfig& config,
                                    const Tokenizer* tokenizer) {
  nlohmann::ordered_json json = family.write(config);
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
