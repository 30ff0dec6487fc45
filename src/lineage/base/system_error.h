#pragma once

#include <filesystem>
#include <string_view>
#include <system_error>

#include "lineage/base/error.h"

namespace lineage {

// Faults of the surroundings (permissions, a full disk, a loop of links, a limit of the system) as
// an Error with the place, the system's message and a hint.

// "PATH: cannot DOING: Permission denied". `error` is an errno.
Error system_error(const std::filesystem::path&, std::string_view doing, int error);

// From an exception of the standard library. A filesystem_error names its path.
Error system_error(const std::system_error&);

}  // namespace lineage
