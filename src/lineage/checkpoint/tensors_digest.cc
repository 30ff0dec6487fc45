#include "lineage/checkpoint/tensors_digest.h"

#include <algorithm>
#include <sstream>

namespace lineage {

void TensorsDigest::add(const TensorHeader& header, std::span<const std::byte> data) {
  std::ostringstream shape;
  shape << header.shape;
  digest_.field(header.name).field(stored_name(header.type)).field(shape.str());
  digest_.field({reinterpret_cast<const char*>(data.data()), data.size()});
}

std::string digest_of_tensors(const SafetensorsFile& file) {
  std::vector<const StoredTensor*> tensors;
  for (const StoredTensor& t : file.tensors()) tensors.push_back(&t);
  std::ranges::sort(tensors, {}, [](const StoredTensor* t) { return std::string_view(t->name); });
  TensorsDigest digest;
  for (const StoredTensor* t : tensors) {
    digest.add(*t, t->data);
    file.release(*t);
  }
  return digest.hex();
}

}  // namespace lineage
