#pragma once

namespace lineage {

// The version of the program, as in CMakeLists.txt; it stands in every manifest.
inline constexpr const char* kVersion = "0.1.0";

}  // namespace lineage
