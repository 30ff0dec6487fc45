#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lineage {

// GPT-2's way to write any bytes as visible characters (encoder.py, bytes_to_unicode): the 188
// visible characters of Latin-1 are themselves, the other bytes, in order, are U+0100 and up. A
// space is "Ġ", a line feed "Ċ". vocab.json, merges.txt and tokenizer.json write tokens so.

// The bytes in the order of their characters' ids in GPT-2's vocabulary and in rank files.
const std::array<uint8_t, 256>& byte_order();

std::string to_byte_alphabet(std::string_view bytes);
// Nothing when a character is not in the alphabet.
std::optional<std::string> from_byte_alphabet(std::string_view utf8);

}  // namespace lineage
