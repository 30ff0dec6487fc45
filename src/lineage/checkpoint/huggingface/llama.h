#pragma once

#include "lineage/checkpoint/huggingface/config_keys.h"
#include "lineage/checkpoint/huggingface/family.h"

namespace lineage {

// What LLaMA's descendants share: RMS norms, rotary positions, grouped heads, SwiGLU, and the names
// of config keys and tensors.

struct LlamaDefaults {
  int64_t vocab, width, mlp_width, context;
  int64_t kv_heads = 0;    // 0: heads
  int64_t head_width = 0;  // 0: width / heads
};
// All but biases, windows and norms of heads.
GptConfig read_llama_keys(const JsonObject&, const LlamaDefaults&);
nlohmann::ordered_json write_llama_keys(const GptConfig&, std::string_view model_type,
                                        std::string_view architecture);
void add_llama_parts(PartList&, const GptConfig&);

inline constexpr std::string_view kLlamaPrefixes[] = {"model.", ""};
inline constexpr std::string_view kLlamaBuffers[] = {"rotary_emb.inv_freq"};

}  // namespace lineage
