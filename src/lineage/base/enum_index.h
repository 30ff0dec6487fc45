#pragma once

#include <cstddef>
#include <type_traits>

namespace lineage {

// The place of an enum's value among its values, for arrays that have an element for each.
template <class Enum>
requires std::is_enum_v<Enum>
constexpr size_t enum_index(Enum value) { return static_cast<size_t>(value); }

}  // namespace lineage
