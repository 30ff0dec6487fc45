#pragma once

// Shared by the tests of this folder.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/rng.h"
#include "lineage/base/testing.h"

namespace lineage::testing {

// The folder of data outside the repository: $LINEAGE_SHARED, else beside it.
inline std::filesystem::path shared_folder() {
  if (const char* folder = std::getenv("LINEAGE_SHARED")) return folder;
  return LINEAGE_SOURCE_DIR "/../shared";
}

#define LINEAGE_SKIP_WITHOUT(path)                                                      \
  if (!std::filesystem::exists(path))                                                   \
  GTEST_SKIP() << (path).string() << " is not there; set LINEAGE_SHARED to the folder " \
               << "that holds data/tokenizer"

// The message of the Error that `body` throws; "" when it throws none.
template <class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

// Text of `count` parts, each drawn from `parts`.
inline std::string random_text(Rng rng, size_t count, const std::vector<std::string>& parts) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += parts[rng.below(parts.size(), i)];
  return text;
}

// Characters and strings that are hard for the patterns and UTF-8: classes, folds, line ends,
// contractions, special tokens, bytes that are no UTF-8.
inline std::vector<std::string> hard_parts(bool invalid) {
  std::vector<std::string> parts = {"a",
                                    "b",
                                    "the",
                                    "S",
                                    "Z",
                                    "s",
                                    "t",
                                    "l",
                                    "ll",
                                    "re",
                                    "RE",
                                    "'",
                                    "'",
                                    "'s",
                                    "'S",
                                    "'Ll",
                                    "'v",
                                    "'ſ",
                                    "'ve",
                                    "'M",
                                    "1",
                                    "2",
                                    "34",
                                    "567",
                                    "٣",
                                    "Ⅷ",
                                    "½",
                                    "²",
                                    " ",
                                    " ",
                                    " ",
                                    "  ",
                                    "\t",
                                    "\n",
                                    "\n",
                                    "\r",
                                    "\r\n",
                                    "\v",
                                    "\f",
                                    "\x1c",
                                    "\xC2\x85",
                                    "\xC2\xA0",
                                    "\xE2\x80\xA8",
                                    "\xE3\x80\x80",
                                    "\xE1\xA0\x8E",
                                    "\xE2\x80\x8B",
                                    ".",
                                    ",",
                                    "!",
                                    "--",
                                    "(",
                                    "{",
                                    "_",
                                    "$",
                                    "^",
                                    "`",
                                    "~",
                                    "|",
                                    "<|endoftext|>",
                                    "é",
                                    "ß",
                                    "Ж",
                                    "ю",
                                    "ά",
                                    "中",
                                    "文",
                                    "こ",
                                    "한",
                                    "ا",
                                    "न",
                                    "\xE0\xA5\x8D",
                                    "e\xCC\x81",
                                    "ʼ",
                                    "ª",
                                    "ⓐ",
                                    "🌍",
                                    "👩‍⚕️",
                                    "\xF0\x9D\x92\x9C",
                                    "\xF0\x9D\x9F\x98",
                                    "\xEF\xBF\xBD",
                                    std::string(1, '\0'),
                                    "\x7f"};
  if (invalid)
    for (const char* bytes : {"\x80", "\xFF", "\xC3", "\xE2\x80", "\xF0\x9F\x8C", "\xC0\xAF",
                              "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC5"})
      parts.emplace_back(bytes);
  return parts;
}

}  // namespace lineage::testing
