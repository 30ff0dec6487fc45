#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lineage {

// The offset of the first byte that is not part of valid UTF-8 (RFC 3629), or npos.
size_t first_invalid_utf8(std::string_view text);

// Windows-1252 (which browsers take ISO-8859-1 for) as UTF-8; any bytes.
std::string utf8_of_windows_1252(std::string_view bytes);

}  // namespace lineage
