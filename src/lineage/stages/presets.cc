#include "lineage/stages/presets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "lineage/base/config.h"
#include "lineage/base/error.h"

namespace lineage {
namespace {

constexpr std::pair<std::string_view, std::string_view> kPresets[] = {{"gpt3", R"(
[model]
norm = "layer"
activation = "gelu_tanh"
positions = "learned"
bias = true
tied = true
[pretrain.optimizer]
kind = "adamw"
beta1 = 0.9
beta2 = 0.95
eps = 1e-8
weight_decay = 0.1
clip = 1.0
[pretrain.schedule]
kind = "cosine"
final = 0.1
)"},
                                                                      {"modern", R"(
[model]
norm = "rms"
activation = "relu_squared"
positions = "rotary"
qk_norm = true
bias = false
tied = true
zero_residual = true
[pretrain.optimizer]
kind = "muon"
lr = 3e-3
muon_lr = 0.02
weight_decay = 0.0
clip = 1.0
[pretrain.schedule]
kind = "wsd"
final = 0.0
)"},
                                                                      {"llama", R"(
[model]
norm = "rms"
norm_eps = 1e-5
activation = "swiglu"
positions = "rotary"
bias = false
tied = true
[pretrain.optimizer]
kind = "adamw"
beta1 = 0.9
beta2 = 0.95
eps = 1e-8
weight_decay = 0.1
clip = 1.0
[pretrain.schedule]
kind = "cosine"
final = 0.1
)"},
                                                                      {"qwen3", R"(
[model]
norm = "rms"
norm_eps = 1e-6
activation = "swiglu"
positions = "rotary"
rotary_theta = 1e6
qk_norm = true
bias = false
tied = true
[pretrain.optimizer]
kind = "adamw"
beta1 = 0.9
beta2 = 0.95
eps = 1e-8
weight_decay = 0.1
clip = 1.0
[pretrain.schedule]
kind = "cosine"
final = 0.1
)"}};

}  // namespace

std::vector<std::string_view> preset_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, toml] : kPresets) names.push_back(name);
  return names;
}

std::string_view preset_toml(std::string_view name, const std::string& place) {
  for (const auto& [known, toml] : kPresets)
    if (known == name) return toml;
  const std::vector<std::string_view> names = preset_names();
  const std::string near = nearest_name(name, std::vector<std::string>(names.begin(), names.end()));
  throw Error(fmt::format("{} is \"{}\"; wanted one of {}", place, name, fmt::join(names, ", ")),
              near.empty() ? "a preset is a part of Lineage; a recipe of your own is extended: "
                             "extends = \"mine.toml\""
                           : "did you mean \"" + near + "\"?");
}

}  // namespace lineage
