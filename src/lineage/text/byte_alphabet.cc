#include "lineage/text/byte_alphabet.h"

#include "lineage/text/unicode.h"

namespace lineage {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<uint16_t, 256> code{};   // of each byte
  std::array<int16_t, 0x144> byte{};  // of each code point; -1 for none
  std::array<uint8_t, 256> order{};

  constexpr Alphabet() {
    byte.fill(-1);
    size_t visible = 0, hidden = 188;
    for (int b = 0; b < 256; ++b) {
      const bool itself = stands_for_itself(b);
      const size_t place = itself ? visible++ : hidden++;
      code[b] = static_cast<uint16_t>(itself ? b : 0x100 + place - 188);
      byte[code[b]] = static_cast<int16_t>(b);
      order[place] = static_cast<uint8_t>(b);
    }
  }
};

constexpr Alphabet kAlphabet;

}  // namespace

const std::array<uint8_t, 256>& byte_order() { return kAlphabet.order; }

std::string to_byte_alphabet(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 2);
  for (char c : bytes) append_utf8(kAlphabet.code[static_cast<uint8_t>(c)], out);
  return out;
}

std::optional<std::string> from_byte_alphabet(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  const char *p = utf8.data(), *end = p + utf8.size();
  while (p < end) {
    const Char c = read_char(p, end);
    if (!c.valid() || c.code >= kAlphabet.byte.size() || kAlphabet.byte[c.code] < 0) return {};
    out.push_back(static_cast<char>(kAlphabet.byte[c.code]));
    p += c.bytes;
  }
  return out;
}

}  // namespace lineage
