#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// The adapter_config.json of an adapter in the format of Hugging Face's PEFT, of the kind that is
// low-rank matrices beside linear layers and nothing else.
struct AdapterConfig {
  std::string base_name;         // base_model_name_or_path; empty: it names none
  int64_t rank = 8;              // r
  double alpha = 8;              // lora_alpha
  bool rank_stabilised = false;  // use_rslora (Kalajdzievski 2023): alpha / sqrt(r), not alpha / r
  std::vector<std::string> targets;      // target_modules as a list; empty: it was a pattern
  std::map<std::string, int64_t> ranks;  // rank_pattern
  std::map<std::string, double> alphas;  // alpha_pattern
  std::vector<std::string> notes;        // a sentence for each key that has no effect here

  // Of a layer: "transformer.h.0.attn.c_attn". An Error where two patterns disagree.
  int64_t rank_of(std::string_view module, const std::string& place) const;
  double scale_of(std::string_view module, const std::string& place) const;
  // Whether `targets` has it; true where it was a pattern.
  bool has_target(std::string_view module) const;
};

// An Error names the key of any variant that computes something else (DoRA, quantised bases,
// modules saved whole, ...), and any key that is unknown and not empty.
AdapterConfig parse_adapter_config(std::string_view json, const std::string& place);

// With alpha / r, and no patterns but those given.
std::string to_json(const AdapterConfig&, bool fan_in_fan_out);

}  // namespace lineage
