#pragma once

#include <string>
#include <string_view>

namespace lineage {

// Unicode's normalization form C (UAX #15) of the characters of `text`; bytes that are no UTF-8
// stay as they are.
std::string nfc(std::string_view text);

// Whether `text` has only characters below U+0300, which are in form C in any order.
bool is_surely_nfc(std::string_view text);

}  // namespace lineage
