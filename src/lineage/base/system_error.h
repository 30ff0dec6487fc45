#pragma once

#include <filesystem>
#include <string_view>
#include <system_error>

#include "lineage/base/error.h"

namespace lineage {

// Faults of the surroundings (permissions, a full disk, a loop of links, a limit of the system) as
// an Error that names the place, what the system said and what helps.

// "PATH: cannot DOING: Permission denied". `error` is an errno.
Error system_error(const std::filesystem::path&, std::string_view doing, int error);

// Of what the standard library throws. A filesystem_error names its path.
Error system_error(const std::system_error&);

}  // namespace lineage
