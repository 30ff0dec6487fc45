#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "lineage/sandbox/sandbox.h"

namespace lineage::testing {

// Why this system lets nobody have a sandbox; "" where bubblewrap, called by hand, makes one. A
// fault of Sandbox itself is no such reason: its tests fail then, and are not skipped.
inline std::string sandbox_absence() {
  static const std::string absence = []() -> std::string {
    const SandboxTools tools;
    for (const auto& tool : {tools.bwrap, tools.prlimit, tools.setpriv, tools.python})
      if (!std::filesystem::exists(tool)) return "no sandbox here: no " + tool.string();
    const std::string as_nobody =
        ::geteuid() == 0 ? "setpriv --reuid 65534 --regid 65534 --clear-groups " : "";
    const std::string by_hand = as_nobody + tools.bwrap.string() +
                                " --unshare-user --unshare-pid --unshare-net --ro-bind / / " +
                                "true </dev/null >/dev/null 2>&1";
    if (std::system(by_hand.c_str()) == 0) return "";
    return "no sandbox here: this system allows no user namespaces, as containers often do";
  }();
  return absence;
}

// The sandbox of this machine, made once.
inline const Sandbox& sandbox_here() {
  static const Sandbox sandbox;
  return sandbox;
}

}  // namespace lineage::testing

#define LINEAGE_NEEDS_SANDBOX()                       \
  if (!::lineage::testing::sandbox_absence().empty()) \
  GTEST_SKIP() << ::lineage::testing::sandbox_absence()
