#include "lineage/data/sources/licence.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lineage/base/file.h"
#include "lineage/data/sources/ascii.h"

namespace lineage {
namespace {

// Lower case, every run of white space one space.
std::string normalised(std::string_view text) {
  std::string out;
  for (const char c : ascii_lower(text)) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!space)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  return out;
}

// Recursive descent over `or_term := and_term {OR and_term}` and so on.
class Expression {
 public:
  Expression(std::string_view text, const std::vector<std::string>& allowed) : allowed_(allowed) {
    std::string word;
    for (const char c : std::string(text) + " ") {
      const bool ends = c == ' ' || c == '\t' || c == '(' || c == ')';
      if (!ends) word += c;
      if (ends && !word.empty()) words_.push_back(std::exchange(word, {}));
      if (c == '(' || c == ')') words_.emplace_back(1, c);
    }
  }
  bool allowed() {
    const bool yes = any();
    return yes && valid_ && at_ == words_.size();
  }

 private:
  bool accept(std::string_view word) {
    const bool here = at_ < words_.size() && ascii_lower(words_[at_]) == word;
    at_ += here;
    return here;
  }
  bool any() {
    bool yes = all();
    while (accept("or")) yes |= all();
    return yes;
  }
  bool all() {
    bool yes = one();
    while (accept("and")) yes &= one();
    return yes;
  }
  bool one() {
    if (accept("(")) {
      if (++depth_ > 50) return valid_ = false;
      const bool yes = any();
      valid_ &= accept(")");
      --depth_;
      return yes;
    }
    if (at_ == words_.size() || words_[at_] == ")") return valid_ = false;
    const bool yes = name_allowed(words_[at_++]);
    if (accept("with")) valid_ &= at_++ < words_.size();
    return yes;
  }
  bool name_allowed(const std::string& word) const {
    const std::string name = ascii_lower(word);
    return std::any_of(allowed_.begin(), allowed_.end(), [&](const std::string& a) {
      const std::string base = ascii_lower(a);
      return name == base || name == base + "-only" || name == base + "-or-later" ||
             name == base + "+";
    });
  }

  const std::vector<std::string>& allowed_;
  std::vector<std::string> words_;
  size_t at_ = 0;
  int depth_ = 0;
  bool valid_ = true;
};

struct Sign {
  std::string_view spdx;
  std::array<std::string_view, 2> phrases;  // all must occur
};

// Tried in this order: a text that contains another's phrases comes first.
constexpr std::array<Sign, 19> kSigns = {{
    {"AGPL-3.0", {"gnu affero general public license version 3", ""}},
    {"LGPL-3.0", {"gnu lesser general public license version 3", ""}},
    {"LGPL-2.1", {"gnu lesser general public license version 2.1", ""}},
    {"LGPL-2.0", {"gnu library general public license version 2", ""}},
    {"GPL-3.0", {"gnu general public license version 3", ""}},
    {"GPL-2.0", {"gnu general public license version 2", ""}},
    {"MPL-2.0", {"mozilla public license version 2.0", ""}},
    {"MPL-2.0", {"mozilla public license, version 2.0", ""}},
    {"PSF-2.0", {"python software foundation license version 2", ""}},
    {"Apache-2.0", {"apache license", "version 2.0"}},
    {"BSL-1.0", {"boost software license", "version 1.0"}},
    {"EPL-2.0", {"eclipse public license", "v 2.0"}},
    {"CC0-1.0", {"cc0 1.0 universal", ""}},
    {"Unlicense", {"this is free and unencumbered software released into the public domain", ""}},
    {"MIT",
     {"permission is hereby granted, free of charge, to any person obtaining a copy",
      "without restriction, including without limitation the rights to use"}},
    {"BSD-3-Clause", {"redistribution and use in source and binary forms", "neither the name"}},
    {"BSD-2-Clause", {"redistribution and use in source and binary forms", ""}},
    {"ISC", {"permission to use, copy, modify, and", "for any purpose with or without fee"}},
    {"Zlib",
     {"provided 'as-is', without any express or implied warranty",
      "the origin of this software must not be misrepresented"}},
}};

bool is_licence_name(const std::string& file) {
  const std::string name = ascii_lower(file);
  return name.starts_with("license") || name.starts_with("licence") ||
         name.starts_with("copying") || name.starts_with("unlicense");
}

std::string licence_in(const fs::path& folder) {
  std::vector<fs::path> candidates;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error))
    if (is_licence_name(it->path().filename().string()) && it->is_regular_file(error) &&
        it->file_size(error) < (1u << 20))
      candidates.push_back(it->path());
  std::sort(candidates.begin(), candidates.end());
  for (const fs::path& path : candidates) {
    const std::string text = read_file(path);
    if (std::string spdx = spdx_header(text); !spdx.empty()) return spdx;
    if (const std::string_view name = licence_of_text(text); !name.empty())
      return std::string(name);
  }
  return {};
}

}  // namespace

std::string spdx_header(std::string_view file) {
  constexpr std::string_view kTag = "SPDX-License-Identifier:";
  file = file.substr(0, 4096);
  size_t at = file.find(kTag);
  if (at == std::string_view::npos) return {};
  std::string_view rest = file.substr(at + kTag.size());
  rest = rest.substr(0, rest.find_first_of("\r\n"));
  for (const std::string_view close : {"*/", "-->", "#}", "%>"})
    rest = rest.substr(0, rest.find(close));
  const size_t begin = rest.find_first_not_of(" \t"), end = rest.find_last_not_of(" \t*\"'");
  return begin == std::string_view::npos || end < begin
             ? std::string()
             : std::string(rest.substr(begin, end - begin + 1));
}

std::string_view licence_of_text(std::string_view text) {
  const std::string words = normalised(text);
  for (const Sign& sign : kSigns)
    if (std::all_of(sign.phrases.begin(), sign.phrases.end(), [&](std::string_view phrase) {
          return words.find(phrase) != std::string::npos;
        }))
      return sign.spdx;
  return {};
}

bool licence_allowed(std::string_view expression, const std::vector<std::string>& allowed) {
  return Expression(expression, allowed).allowed();
}

std::string FolderLicences::find(const fs::path& folder, const fs::path& root) {
  const std::string key = folder.lexically_normal().string();
  if (const auto it = known_.find(key); it != known_.end()) return it->second;
  std::string licence = licence_in(folder);
  const bool at_root = folder.lexically_normal() == root.lexically_normal();
  if (licence.empty() && !at_root && folder.has_parent_path() && folder.parent_path() != folder)
    licence = find(folder.parent_path(), root);
  return known_[key] = licence;
}

}  // namespace lineage
