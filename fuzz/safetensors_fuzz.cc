// Whatever bytes a safetensors file has, reading it gives tensors within them or an Error.

#include <cstddef>
#include <cstdint>
#include <span>

#include "lineage/base/error.h"
#include "lineage/checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto bytes = std::as_bytes(std::span(data, size));
    for (const lineage::StoredTensor& tensor : lineage::parse_safetensors(bytes, "fuzz").tensors) {
      try {
        lineage::read_tensor(tensor);
      } catch (const lineage::Error&) {
      }
    }
  } catch (const lineage::Error&) {
  }
  return 0;
}
