#pragma once

namespace lineage {

// The version of the program, as in CMakeLists.txt; every manifest has it.
inline constexpr const char* kVersion = "0.1.0";

}  // namespace lineage
