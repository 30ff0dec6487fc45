// Whatever a config.json says, it is refused or read as a model that can be: one that an export
// says again.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lineage/base/error.h"
#include "lineage/checkpoint/huggingface/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lineage;
  HuggingFaceConfig config;
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    config = read_huggingface_config(JsonObject::parse(text, "fuzz"));
  } catch (const Error&) {
    return 0;
  }
  writable_family(config.model, "fuzz");  // throws where no family reads it back
  return 0;
}
