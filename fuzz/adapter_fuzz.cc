// Whatever bytes an adapter_config.json has, reading it gives a config or an Error.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lineage/base/error.h"
#include "lineage/checkpoint/huggingface/adapter_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const lineage::AdapterConfig config = lineage::parse_adapter_config(text, "fuzz");
    for (const char* module : {"transformer.h.0.attn.c_attn", "q_proj", ""}) {
      config.scale_of(module, "fuzz");
      config.has_target(module);
    }
  } catch (const lineage::Error&) {
  }
  return 0;
}
