#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// The expression after "SPDX-License-Identifier:" within the first 4 KiB of a file, or "".
std::string spdx_header(std::string_view file);

// The SPDX name of a licence text ("MIT", "GPL-3.0"), by its characteristic sentences; "" when it
// is none of the common ones.
std::string_view licence_of_text(std::string_view text);

// Whether an SPDX expression (annex D of SPDX 2.3: AND, OR, WITH, parentheses) is satisfied by the
// allowed names. Names are compared without case; "GPL-2.0" allows "GPL-2.0-only" and
// "GPL-2.0-or-later" too. An invalid expression is not allowed.
bool licence_allowed(std::string_view expression, const std::vector<std::string>& allowed);

// The licence that a folder's LICENSE, LICENCE, COPYING or UNLICENSE states, or else the one of the
// nearest folder above it, up to `root`. Remembers each folder. One thread at a time.
class FolderLicences {
 public:
  std::string find(const std::filesystem::path& folder, const std::filesystem::path& root);

 private:
  std::map<std::string, std::string> known_;
};

}  // namespace lineage
