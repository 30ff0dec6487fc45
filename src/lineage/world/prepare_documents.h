#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lineage/data/prepare.h"
#include "lineage/world/document.h"

namespace lineage {

// Generated documents by index; any thread may make any of them.
struct GeneratedDocuments {
  int64_t count = 0;
  std::function<Document(int64_t index)> document;
};

// Documents of the micro-world as a source like those from files: written as shards once, opened by
// every later run. `key` is a digest of everything that determines the documents. Held-out answer
// tokens are labelled with the name of their ability, other tokens have no label.
PreparedSource prepare_documents(const std::string& name, const std::string& kind,
                                 const std::string& key, const GeneratedDocuments& train,
                                 const GeneratedDocuments& heldout, const PrepareOptions&,
                                 Progress& = silent());

}  // namespace lineage
