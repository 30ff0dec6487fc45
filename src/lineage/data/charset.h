#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lineage/data/source_config.h"

namespace lineage {

// The offset of the first byte that is not part of valid UTF-8 (RFC 3629), or npos.
size_t first_invalid_utf8(std::string_view text);

enum class TextState : uint8_t { valid, repaired, unwanted };

// Applies a config's rule for invalid UTF-8 to `text`: it is replaced, or the whole is unwanted, or
// an Error names the byte; `offset` is where `text` begins in the file.
TextState apply(InvalidText, std::string& text, const std::string& place, int64_t offset);

// Windows-1252 (as which browsers read ISO-8859-1) as UTF-8; any bytes.
std::string utf8_of_windows_1252(std::string_view bytes);

}  // namespace lineage
