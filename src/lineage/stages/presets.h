#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// Named defaults of a recipe, as the TOML that it is merged over: `preset = "gpt3"`.
//   gpt3    pre-LN, learned positions, GELU, biases, tied head; AdamW with the constants of Brown
//           et al. 2020, appendix B
//   modern  RMSNorm, rotary positions, QK-norm, ReLU², no biases; Muon for the matrices
//   llama   RMSNorm, rotary positions, SwiGLU, no biases, tied head (Touvron et al. 2023; the small
//           models of LLaMA 3.2 are tied); AdamW with the constants of gpt3, which are LLaMA's too
//   qwen3   the same with QK-norm and Qwen3's theta and epsilon
// Exports of the first, the third and the fourth load as GPT-2, LLaMA and Qwen3.
// For an unknown name an Error that begins with `place` and lists the names.
std::string_view preset_toml(std::string_view name, const std::string& place);
std::vector<std::string_view> preset_names();

}  // namespace lineage
