#pragma once

#include "lineage/base/digest.h"
#include "lineage/checkpoint/safetensors.h"

namespace lineage {

// The digest of a set of tensors: SHA-256 over name, type, shape and bytes of each, in the order of
// their names (the caller's part).
class TensorsDigest {
 public:
  void add(const TensorHeader&, std::span<const std::byte> data);
  std::string hex() { return digest_.hex(); }  // finishes; call once

 private:
  Digest digest_;
};

// The digest of a file's tensors, whatever their order in it.
std::string digest_of_tensors(const SafetensorsFile&);

}  // namespace lineage
