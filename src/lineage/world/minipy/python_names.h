#pragma once

#include <string_view>

#include "lineage/world/minipy/value.h"

namespace lineage::minipy {

// Names that only CPython has: using one is "unsupported", not a NameError or AttributeError.
bool python_builtin(std::string_view name);
bool python_attribute(Kind, std::string_view name);

// Whether values of this kind have that method here.
bool has_builtin_method(Kind, Symbol);

}  // namespace lineage::minipy
