#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lineage {

struct CharacterReference {
  std::string text;   // UTF-8
  size_t length = 0;  // of the reference; 0 when there is none here
};

// The reference that `text` begins with: "&eacute;", "&#233;" or "&#xE9;". The named ones of HTML
// 4.01 are known; a missing semicolon is forgiven after a number.
CharacterReference character_reference(std::string_view text);

}  // namespace lineage
