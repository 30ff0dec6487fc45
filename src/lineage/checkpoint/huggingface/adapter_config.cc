#include "lineage/checkpoint/huggingface/adapter_config.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "lineage/base/error.h"
#include "lineage/base/json.h"

namespace lineage {
namespace {

constexpr const char* kMergeFirst =
    "merge it into its base first: model.merge_and_unload().save_pretrained(folder), and import "
    "that model";

constexpr int64_t kLargestRank = 1 << 16;

int64_t rank_value(const JsonObject& json, std::string_view key) {
  const auto rank = json.get<int64_t>(key);
  if (rank < 1 || rank > kLargestRank) json.refuse(key, "a rank from 1 to 65536");
  return rank;
}

double alpha_value(const JsonObject& json, std::string_view key) {
  const auto alpha = json.get<double>(key);
  if (!std::isfinite(alpha)) json.refuse(key, "a finite number");
  return alpha;
}

// Whether a key of a pattern, or a target, says this layer: its whole name, or its end.
bool says(std::string_view name, std::string_view module) {
  if (name.starts_with('^')) return name.substr(1) == module;
  return name == module || (module.size() > name.size() && module.ends_with(name) &&
                            module[module.size() - name.size() - 1] == '.');
}

// PEFT reads a pattern's keys as regular expressions; those that are names alone are read here.
void check_pattern_key(const JsonObject& pattern, const std::string& key) {
  const std::string_view name = key.starts_with('^') ? std::string_view(key).substr(1) : key;
  const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (!plain)
    throw Error(pattern.place() + ": the key " + shown_json(key) +
                    "; wanted the name of a layer, or its end",
                "regular expressions are not read; save the adapter with the names written out");
}

// Reads one key after the other; those that are left at the end are unknown.
class Reader {
 public:
  Reader(const JsonObject& json, AdapterConfig& config) : json_(json), config_(config) {}

  void read() {
    kind();
    base();
    rank();
    targets();
    refuse_variants();
    note_the_rest();
    refuse_unknown();
  }

 private:
  // Marks a key as known; whether it has a value.
  bool has(std::string_view key) {
    known_.push_back(key);
    return json_.has(key);
  }
  bool is_empty(std::string_view key) const {
    const nlohmann::json& value = json_.at(key);
    return value.is_null() || value == false || value == "" ||
           (value.is_structured() && value.empty());
  }
  void wants_empty(std::string_view key, const char* what) {
    if (has(key) && !is_empty(key)) json_.refuse(key, std::string("none: ") + what, kMergeFirst);
  }
  void note_if_set(std::string_view key, const std::string& why) {
    if (has(key) && !is_empty(key)) config_.notes.push_back(std::string(key) + " " + why);
  }

  void kind() {
    has("peft_type");
    if (json_.get<std::string>("peft_type") != "LORA")
      json_.refuse("peft_type", "\"LORA\"", kMergeFirst);
    if (!has("task_type")) return;
    const auto task = json_.get<std::string>("task_type");
    if (task != "CAUSAL_LM" && task != "FEATURE_EXTRACTION")
      json_.refuse("task_type", "\"CAUSAL_LM\", of a language model",
                   "an adapter with another head cannot be computed without the head");
  }

  void base() {
    if (has("base_model_name_or_path"))
      config_.base_name = json_.get<std::string>("base_model_name_or_path");
    note_if_set("revision", "is part of the base's name, and is not compared");
  }

  void rank() {
    if (has("r")) config_.rank = rank_value(json_, "r");
    if (has("lora_alpha")) config_.alpha = alpha_value(json_, "lora_alpha");
    if (has("use_rslora")) config_.rank_stabilised = json_.get<bool>("use_rslora");
    for (const char* key : {"rank_pattern", "alpha_pattern"}) {
      if (!has(key)) continue;
      const JsonObject pattern = json_.child(key);
      for (const auto& [name, value] : pattern.value().items()) {
        check_pattern_key(pattern, name);
        if (key[0] == 'r')
          config_.ranks[name] = rank_value(pattern, name);
        else
          config_.alphas[name] = alpha_value(pattern, name);
      }
    }
  }

  void targets() {
    if (!has("target_modules")) return;
    const nlohmann::json& value = json_.at("target_modules");
    if (value.is_string()) {
      config_.notes.push_back(
          "target_modules is a pattern: the adapter's tensors say which layers it is for");
      return;
    }
    for (const nlohmann::json& name : json_.list("target_modules")) {
      if (!name.is_string() || name.get<std::string>().empty())
        json_.refuse("target_modules", "a string, or an array of names");
      config_.targets.push_back(name.get<std::string>());
    }
  }

  void refuse_variants() {
    wants_empty("use_dora",
                "weights that DoRA (Liu et al. 2024) takes apart are not computed here");
    wants_empty("use_qalora", "adapters of quantised weights are not computed here");
    wants_empty("modules_to_save", "layers that are saved whole are not read");
    wants_empty("trainable_token_indices", "single rows of the embedding are not read");
    wants_empty("target_parameters", "adapters of parameters that are no layer are not read");
    wants_empty("layer_replication", "a base whose layers are repeated is not read");
    wants_empty("lora_bias", "biases of the adapter's second matrix are not read");
    wants_empty("alora_invocation_tokens", "adapters that begin at a token are not computed here");
    wants_empty("ensure_weight_tying", "layers that are saved whole are not read");
    wants_empty("megatron_config", "Megatron's layers are not read");
    if (has("bias") && json_.get<std::string>("bias") != "none")
      json_.refuse("bias", "\"none\"", kMergeFirst);
    if (!has("init_lora_weights")) return;
    // These change the base's weights before training, and the adapter is beside the changed ones.
    static constexpr std::string_view kKnown[] = {"gaussian", "eva", "orthogonal"};
    const nlohmann::json& init = json_.at("init_lora_weights");
    const bool plain = init.is_boolean() ||
                       (init.is_string() &&
                        std::ranges::find(kKnown, init.get<std::string>()) != std::end(kKnown));
    if (!plain)
      json_.refuse("init_lora_weights",
                   "true, false, \"gaussian\", \"eva\" or \"orthogonal\", which leave the base's "
                   "weights as they are",
                   kMergeFirst);
  }

  void note_the_rest() {
    // Of training alone, or said by the tensors too. PEFT itself sets fan_in_fan_out right by the
    // kind of layer; the shapes of an adapter do not depend on it.
    for (const char* key : {"fan_in_fan_out", "inference_mode", "layers_to_transform",
                            "layers_pattern", "exclude_modules", "auto_mapping", "megatron_core",
                            "runtime_config", "peft_version", "qalora_group_size", "eva_config",
                            "loftq_config", "corda_config", "lora_ga_config", "arrow_config"})
      has(key);
    if (has("lora_dropout") && json_.get<double>("lora_dropout") != 0)
      config_.notes.push_back("lora_dropout is of training alone");
  }

  void refuse_unknown() const {
    for (const auto& [key, value] : json_.value().items())
      if (std::ranges::find(known_, key) == known_.end() && !is_empty(key))
        json_.refuse(key, "no such key: what it does is not known here", kMergeFirst);
  }

  const JsonObject& json_;
  AdapterConfig& config_;
  std::vector<std::string_view> known_;
};

template <class T>
T pattern_value(const std::map<std::string, T>& pattern, T fallback, std::string_view module,
                const std::string& place, const char* key) {
  std::optional<T> found;
  for (const auto& [name, value] : pattern) {
    if (!says(name, module)) continue;
    require(!found || *found == value, place, ": ", key, " has two values for ", module,
            "; wanted one");
    found = value;
  }
  return found.value_or(fallback);
}

}  // namespace

int64_t AdapterConfig::rank_of(std::string_view module, const std::string& place) const {
  return pattern_value(ranks, rank, module, place, "rank_pattern");
}

double AdapterConfig::scale_of(std::string_view module, const std::string& place) const {
  const auto r = static_cast<double>(rank_of(module, place));
  return pattern_value(alphas, alpha, module, place, "alpha_pattern") /
         (rank_stabilised ? std::sqrt(r) : r);
}

bool AdapterConfig::has_target(std::string_view module) const {
  return targets.empty() ||
         std::ranges::any_of(targets, [&](const std::string& t) { return says(t, module); });
}

AdapterConfig parse_adapter_config(std::string_view text, const std::string& place) {
  const JsonObject json = JsonObject::parse(text, place);
  AdapterConfig config;
  Reader(json, config).read();
  return config;
}

namespace {

// Whole numbers without a point, as PEFT writes an alpha.
nlohmann::json number(double x) {
  constexpr double kExact = 1e15;
  if (std::trunc(x) == x && std::abs(x) < kExact) return static_cast<int64_t>(x);
  return x;
}

}  // namespace

std::string to_json(const AdapterConfig& config, bool fan_in_fan_out) {
  nlohmann::json alphas = nlohmann::json::object();
  for (const auto& [name, alpha] : config.alphas) alphas[name] = number(alpha);
  const nlohmann::ordered_json json = {{"alpha_pattern", alphas},
                                       {"base_model_name_or_path", config.base_name},
                                       {"bias", "none"},
                                       {"fan_in_fan_out", fan_in_fan_out},
                                       {"inference_mode", true},
                                       {"init_lora_weights", true},
                                       {"lora_alpha", number(config.alpha)},
                                       {"lora_dropout", 0.0},
                                       {"modules_to_save", nullptr},
                                       {"peft_type", "LORA"},
                                       {"r", config.rank},
                                       {"rank_pattern", config.ranks},
                                       {"target_modules", config.targets},
                                       {"task_type", "CAUSAL_LM"},
                                       {"use_dora", false},
                                       {"use_rslora", config.rank_stabilised}};
  return json.dump(2) + "\n";
}

}  // namespace lineage
