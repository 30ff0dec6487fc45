#pragma once

#include <string_view>

#include "lineage/data/source_config.h"

namespace lineage {

struct CodeShape {
  double mean_line = 0;  // bytes
  int64_t max_line = 0;
  double alphanumeric = 0;  // share of the bytes; bytes above 127 count, since they are letters
};
CodeShape shape_of(std::string_view code);

// Whether the first lines say that a program wrote the file ("@generated", "do not edit", …).
bool says_generated(std::string_view code);

// The reason to drop this file, or "" (source.h lists the reasons). Licences are judged elsewhere.
std::string_view reason_to_drop(std::string_view code, const CodeFilter&);

}  // namespace lineage
