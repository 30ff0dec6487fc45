#pragma once

#include <string>
#include <string_view>

namespace lineage {

// The visible text of a page, one line for each block: scripts, styles, menus (nav), forms'
// controls and comments are left out, white space is collapsed except inside <pre>, character
// references are resolved. Not a full HTML parser: it reads tags in sequence, so any input gives
// some text in linear time. `html` is UTF-8.
std::string text_of_html(std::string_view html);

// The charset that a <meta> tag in the first 1024 bytes declares, lower case, or "".
std::string html_charset(std::string_view html);

}  // namespace lineage
