#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// Named defaults of a recipe, as the TOML that it is merged over: `preset = "gpt3"`.
//   gpt3    pre-LN, learned positions, GELU, biases, tied head; AdamW with the constants of Brown
//           et al. 2020, appendix B
//   modern  RMSNorm, rotary positions, QK-norm, ReLU², no biases; Muon for the matrices
// For an unknown name an Error that begins with `place` and lists the names.
std::string_view preset_toml(std::string_view name, const std::string& place);
std::vector<std::string_view> preset_names();

}  // namespace lineage
