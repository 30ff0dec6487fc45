#include "lineage/base/file_name.h"

#include <fmt/format.h>

#include <cstdint>

#include "lineage/base/error.h"

namespace lineage {
namespace {

constexpr size_t kFileNameBytes = 255;  // of every file system in use
constexpr size_t kAddedBytes = 55;      // "-<12 of a digest>", ".safetensors.partial.<pid>.<n>"
constexpr size_t kNameBytes = kFileNameBytes - kAddedBytes;

bool control(unsigned char c) { return c < 0x20 || c == 0x7f; }

// The length of the UTF-8 character that `text` begins with; 0: none does.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // The second byte reveals overlong forms, surrogates and codes beyond U+10FFFF.
  const uint8_t second = byte(1);
  const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return wrong ? 0 : length;
}

bool utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// The fault of a name; empty: none.
std::string fault_of(std::string_view name) {
  if (name.empty()) return "is empty";
  if (!utf8(name)) return "is not UTF-8";
  for (const char c : name) {
    if (c == '/' || c == '\\') return fmt::format("holds {}", c);
    if (control(static_cast<unsigned char>(c)))
      return fmt::format("holds the control character 0x{:02x}", static_cast<unsigned char>(c));
  }
  // U+0080 to U+009F, and the separators of lines and paragraphs.
  for (size_t i = 0; i + 1 < name.size(); ++i)
    if ((name[i] == '\xc2' && static_cast<uint8_t>(name[i + 1]) < 0xa0) ||
        name.substr(i).starts_with("\xe2\x80\xa8") || name.substr(i).starts_with("\xe2\x80\xa9"))
      return "holds a control character or a line separator";
  if (name.front() == '.') return "begins with a dot";
  if (name.front() == ' ' || name.back() == ' ') return "begins or ends with a blank";
  if (name.size() > kNameBytes) return fmt::format("has {} bytes", name.size());
  return {};
}

// For a message: control characters as escapes, a long one cut.
std::string shown(std::string_view name) {
  constexpr size_t kShown = 40;
  std::string text;
  for (const char c : name.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (control(byte) || (byte >= 0x80 && !utf8(name)))
      text += fmt::format("\\x{:02x}", byte);
    else
      text += c;
  }
  while (name.size() > kShown && !text.empty() && !utf8(text)) text.pop_back();
  return "\"" + text + (name.size() > kShown ? "…" : "") + "\"";
}

}  // namespace

void check_file_name(std::string_view name, const std::string& place, std::string_view what) {
  const std::string fault = fault_of(name);
  if (fault.empty()) return;
  throw Error(fmt::format("{}: the name of a {} {}: {}; wanted one that a file can have, of at "
                          "most {} bytes",
                          place, what, fault, shown(name), kNameBytes),
              "letters, digits, blanks within, \"-\" and \"_\" will do; no slash, and no dot at "
              "its beginning");
}

}  // namespace lineage
