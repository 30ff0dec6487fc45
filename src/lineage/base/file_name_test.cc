#include "lineage/base/file_name.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lineage/base/error.h"
#include "lineage/base/rng.h"
#include "lineage/base/testing.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// The Error's message; empty: the name is accepted.
std::string refusal(const std::string& name) {
  try {
    check_file_name(name, "r.toml:3: nodes", "node");
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

TEST(FileName, TakesWhatPeopleCallThings) {
  for (const std::string name : {"davinci", "text-davinci-002", "a.b", "wiki en", "großes Modell",
                                 "日本語", "a:b", "50%", "-x", "_", "a..b", "it's \"so\" <b>"})
    EXPECT_EQ(refusal(name), "") << name;
  EXPECT_EQ(refusal(std::string(200, 'x')), "");
}

TEST(FileName, RefusesWhatNamesAnotherPlaceOrNoFile) {
  EXPECT_EQ(refusal("../../x"),
            "r.toml:3: nodes: the name of a node holds /: \"../../x\"; wanted one that a file can "
            "have, of at most 200 bytes");
  EXPECT_NE(refusal("/abs").find("holds /"), std::string::npos);
  EXPECT_NE(refusal("a\\b").find("holds \\"), std::string::npos);
  for (const std::string name : {".", "..", ".lock", "...x"})
    EXPECT_NE(refusal(name).find("begins with a dot"), std::string::npos) << name;
  EXPECT_NE(refusal("").find("is empty"), std::string::npos);
  EXPECT_NE(refusal(" a").find("a blank"), std::string::npos);
  EXPECT_NE(refusal("a ").find("a blank"), std::string::npos);
  EXPECT_NE(refusal("a\nb").find("control character 0x0a: \"a\\x0ab\""), std::string::npos);
  EXPECT_NE(refusal(std::string("a\0b", 3)).find("control character 0x00"), std::string::npos);
  EXPECT_NE(refusal("a\xe2\x80\xa8").find("line separator"), std::string::npos);
  EXPECT_NE(refusal("a\xc2\x85").find("line separator"), std::string::npos);
  EXPECT_NE(refusal("a\xff").find("is not UTF-8: \"a\\xff\""), std::string::npos);
  EXPECT_NE(refusal("a\xed\xa0\x80").find("is not UTF-8"), std::string::npos);
  const std::string of_long = refusal(std::string(260, 'x'));
  EXPECT_NE(of_long.find("has 260 bytes"), std::string::npos) << of_long;
  EXPECT_LT(of_long.size(), 160u);
}

// Random names out of the bytes that matter: each is refused, or is one entry of its folder.
TEST(FileName, WhatIsTakenStaysInItsFolder) {
  const testing::TempFolder temp;
  const fs::path root = temp.path();
  const fs::path folder = root / "out/nodes";
  fs::create_directories(folder);
  const std::string pieces[] = {"/",  "..", ".",    "\\",   "a", std::string(1, '\0'), " ", "~",
                                "\n", "é",  "\xff", "seed", ":", std::string(90, 'y'), "*", "-"};
  const Rng rng(11);
  int taken = 0;
  for (uint64_t i = 0, at = 0; i < 1500; ++i) {
    std::string name;
    for (uint64_t n = rng.below(5, at++); n > 0; --n)
      name += pieces[rng.below(std::size(pieces), at++)];
    if (!refusal(name).empty()) continue;
    ++taken;
    const std::string suffix = "-0123456789ab.safetensors.partial.4194304.123";
    const fs::path file = folder / (name + suffix);
    std::ofstream(file) << "x";
    ASSERT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1) << name;
    ASSERT_EQ(
        std::distance(fs::recursive_directory_iterator(root), fs::recursive_directory_iterator()),
        3)
        << name;
    fs::remove(file);
  }
  EXPECT_GT(taken, 50);
}

}  // namespace
}  // namespace lineage
