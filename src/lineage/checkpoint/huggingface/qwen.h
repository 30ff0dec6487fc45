#pragma once

#include "lineage/checkpoint/huggingface/llama.h"

namespace lineage {

// The sliding window of Qwen2 and Qwen3, which counts with use_sliding_window alone, and then from
// layer max_window_layers on.
void read_qwen_window(const JsonObject&, GptConfig&);
void write_qwen_window(const GptConfig&, nlohmann::ordered_json&);

}  // namespace lineage
