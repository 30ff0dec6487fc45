#include "lineage/base/folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/rng.h"
#include "lineage/base/system_error.h"
#include "lineage/base/testing.h"

namespace lineage {
namespace {

template <class Body>
std::string said_by(const Body& body) {
  try {
    body();
  } catch (const Error& e) {
    return std::string(e.what()) + " | " + e.hint();
  }
  return {};
}

class FolderTest : public ::testing::Test {
 protected:
  void write(const fs::path& file, const std::string& text = "x") const { temp_.write(file, text); }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      all.push_back(entry.path().lexically_relative(folder_).string());
    std::ranges::sort(all);
    return all;
  }
  testing::TempFolder temp_;
  const fs::path& folder_ = temp_.path();
};

TEST_F(FolderTest, RemovesWhatIsOursAndNothingElse) {
  const IsOurs ours = [](const fs::path& file) { return file.filename().string()[0] == 'o'; };
  for (const char* file :
       {"ours", "yours", "other/ours", "other/deep/ours", "outer/yours", ".lock"})
    write(file);
  fs::create_directory(folder_ / "empty");
  fs::create_directory_symlink(folder_ / "outer", folder_ / "olink");
  write("elsewhere/ours-behind-a-link");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "link");
  remove_ours(folder_, [&](const fs::path& file) {
    return *file.begin() != "elsewhere" && (ours(file) || file.filename() == ".lock");
  });
  EXPECT_EQ(names(), (std::vector<std::string>{".lock", "elsewhere", "elsewhere/ours-behind-a-link",
                                               "empty", "link", "other", "other/deep", "outer",
                                               "outer/yours", "yours"}));
  remove_ours(folder_ / "none", ours);  // is no error
}

// Random trees: foreign files are there afterwards, unchanged.
TEST_F(FolderTest, WhateverIsNotOursSurvives) {
  const Rng rng(5);
  uint64_t at = 0;
  for (int round = 0; round < 100; ++round) {
    std::map<std::string, std::string> foreign;
    for (int i = 0; i < 20; ++i) {
      fs::path file = "round";
      for (uint64_t depth = rng.below(3, at++); depth > 0; --depth)
        file /= "d" + std::to_string(rng.below(3, at++));
      const bool ours = rng.below(2, at++) == 0;
      file /= (ours ? "ours-" : "theirs-") + std::to_string(i);
      write(file, std::to_string(at));
      if (!ours) foreign[file.string()] = std::to_string(at);
    }
    remove_ours(folder_,
                [](const fs::path& file) { return file.filename().string().starts_with("ours-"); });
    for (const auto& [file, text] : foreign) EXPECT_EQ(read_file(folder_ / file), text);
    for (const std::string& name : names()) EXPECT_EQ(name.find("ours-"), std::string::npos);
    fs::remove_all(folder_ / "round");
  }
}

TEST_F(FolderTest, FindsTheFirstThatIsForeign) {
  write("a/b/mine"), write("a/yours"), fs::create_directory(folder_ / "a/empty");
  const auto foreign = [&](const std::string& ours) {
    return first_foreign(
               folder_, folder_ / "a",
               [&](const fs::path& file) { return ours.find(file.string()) != ours.npos; })
        .string();
  };
  EXPECT_EQ(foreign("a/b/mine a/yours a/empty"), "");
  EXPECT_EQ(foreign("a/b/mine a/yours"), "a/empty");
  EXPECT_EQ(foreign("a/b/mine a/empty"), "a/yours");
}

TEST_F(FolderTest, ALinkTakesTheNextTargetAndNothingElsesPlace) {
  fs::create_directories(folder_ / "nodes/a-1"), fs::create_directories(folder_ / "nodes/a-2");
  const fs::path link = folder_ / "trees/r/a";
  replace_link(link, folder_ / "nodes/a-1");
  replace_link(link, folder_ / "nodes/a-2");
  EXPECT_EQ(fs::read_symlink(link), "../../nodes/a-2");
  fs::remove(folder_ / "nodes/a-2");  // a link that leads nowhere is still ours
  replace_link(link, folder_ / "nodes/a-1");
  EXPECT_EQ(fs::canonical(link), folder_ / "nodes/a-1");

  write("trees/r/b", "mine");
  EXPECT_NE(said_by([&] {
              replace_link(folder_ / "trees/r/b", folder_ / "nodes/a-1");
            }).find("trees/r/b: is there already, and is no link that Lineage made"),
            std::string::npos);
  EXPECT_EQ(read_file(folder_ / "trees/r/b"), "mine");
  fs::create_symlink("b", folder_ / "trees/r/c");
  EXPECT_NE(said_by([&] { replace_link(folder_ / "trees/r/c", folder_ / "nodes/a-1"); }), "");

  remove_links(folder_ / "trees/r", folder_ / "nodes", [](const std::string&) { return false; });
  EXPECT_FALSE(fs::exists(fs::symlink_status(link)));
  EXPECT_TRUE(fs::is_symlink(folder_ / "trees/r/c"));
}

TEST_F(FolderTest, ManyMayLinkAtOnce) {
  fs::create_directories(folder_ / "nodes/a-1");
  std::vector<std::string> said(4);
  std::vector<std::thread> threads;
  for (std::string& mine : said)
    threads.emplace_back([&] {
      mine = said_by([&] {
        for (int i = 0; i < 200; ++i) replace_link(folder_ / "trees/r/a", folder_ / "nodes/a-1");
      });
    });
  for (std::thread& t : threads) t.join();
  for (const std::string& mine : said) EXPECT_EQ(mine, "");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "trees/r"), {}), 1);
}

TEST_F(FolderTest, APlaceThatCannotBeWrittenIsNamed) {
  const auto said = [](const fs::path& path) {
    return said_by([&] { check_writable_folder(path, "--out"); });
  };
  EXPECT_EQ(said(folder_ / "new/and/deep"), "");
  EXPECT_FALSE(fs::exists(folder_ / "new"));
  write("file");
  const std::string file = (folder_ / "file").string();
  EXPECT_EQ(said(folder_ / "file"),
            file + ": is a file; wanted a folder | choose another with --out");
  EXPECT_EQ(said(folder_ / "file/x/y"),
            file + ": is a file; wanted a folder | choose another with --out");
  EXPECT_EQ(said("/dev/null/x"),
            "/dev/null: is a device; wanted a folder | choose another with --out");
  EXPECT_EQ(said(""), "--out is empty; wanted the path of a folder | give a path after --out");
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_NE(said(folder_ / "loop/x").find("Too many levels of symbolic links | a symbolic link"),
            std::string::npos);
  fs::create_symlink("gone", folder_ / "dangling");
  EXPECT_NE(said(folder_ / "dangling").find("is a link to gone, which is not there"),
            std::string::npos);
  EXPECT_NE(said(folder_ / std::string(300, 'x')).find("File name too long | a file name has"),
            std::string::npos);
  if (::geteuid() != 0) {  // whom no permission stops
    fs::create_directory(folder_ / "ro");
    fs::permissions(folder_ / "ro", fs::perms::owner_read | fs::perms::owner_exec);
    EXPECT_NE(said(folder_ / "ro/x").find("ro: cannot write there: Permission denied"),
              std::string::npos);
  }
  const auto of_file = [](const fs::path& path) {
    return said_by([&] { check_writable_file(path, "--out"); });
  };
  EXPECT_EQ(of_file(folder_ / "page.html"), "");
  EXPECT_NE(of_file(folder_).find("is a folder; wanted a file"), std::string::npos);
  EXPECT_NE(of_file(folder_ / "none/page.html").find("none: no such folder"), std::string::npos);
}

TEST_F(FolderTest, TwoFoldersAreApartOrRefused) {
  fs::create_directories(folder_ / "models/gpt2");
  const fs::path from = folder_ / "models/gpt2";
  const auto said = [&](const fs::path& to) { return said_by([&] { check_apart(from, to); }); };
  EXPECT_EQ(said(folder_ / "models/gpt2-lineage"), "");
  EXPECT_NE(said(from).find("gpt2: is the folder that is read"), std::string::npos);
  EXPECT_NE(said(from / "../gpt2/").find("is the folder that is read"), std::string::npos);
  EXPECT_NE(said(from / "sub").find("lies in the folder that is read"), std::string::npos);
  EXPECT_NE(said(folder_ / "models").find("holds the folder that is read"), std::string::npos);
  fs::create_directory_symlink(folder_ / "models", folder_ / "alias");
  EXPECT_NE(said(folder_ / "alias/gpt2").find("is the folder that is read"), std::string::npos);
}

class Notes final : public Progress {
 public:
  void update(std::string_view, double, std::string_view) override {}
  void note(std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

// flock() belongs to an open file, so a second lock of one process waits as another's would.
TEST_F(FolderTest, ALockIsWaitedForAndTheWaitCanBeStopped) {
  Notes notes;
  const std::string holder = std::to_string(::getpid());
  {
    const FolderLock first(folder_ / "cache");
    int polls = 0;
    const LockWait wait{"source words", notes, [&] { return ++polls == 2; }};
    EXPECT_THROW(FolderLock(folder_ / "cache", wait), Interrupted);
    EXPECT_EQ(notes.lines, (std::vector<std::string>{"source words: waiting for process " + holder +
                                                     ", which makes it"}));
  }
  auto first = std::make_unique<FolderLock>(folder_ / "cache");
  const FolderLock second(folder_ / "cache", LockWait{"source words", notes, [&] {
                                                        first.reset();
                                                        return false;
                                                      }});
  EXPECT_EQ(notes.lines.size(), 2u);
}

TEST(SystemErrors, NameThePlaceAndHelp) {
  const Error full = system_error("runs/x", "write 5 bytes", ENOSPC);
  EXPECT_STREQ(full.what(), "runs/x: cannot write 5 bytes: No space left on device");
  EXPECT_EQ(full.hint(), "free some space on this disk and run it again");
  const Error loop = system_error(
      fs::filesystem_error("status", "x/loop", std::error_code(ELOOP, std::generic_category())));
  EXPECT_STREQ(loop.what(), "x/loop: cannot use it: Too many levels of symbolic links");
  const Error threads = system_error(std::system_error(EAGAIN, std::generic_category(), "thread"));
  EXPECT_NE(threads.hint().find("--threads"), std::string::npos);
}

TEST_F(FolderTest, AFolderOfOursGoesWithItsLockAndAnotherStays) {
  const IsOurs ours = [](const fs::path& file) { return file.filename().string()[0] == 'o'; };
  for (const char* file :
       {"whole/ours", "whole/other/ours", "whole/.lock", "part/ours", "part/mine"})
    write(file);
  fs::create_directory_symlink(folder_ / "part", folder_ / "link");
  EXPECT_EQ(bytes_of_ours(folder_ / "whole", ours), 2);
  EXPECT_TRUE(remove_folder_of_ours(folder_ / "whole", ours));
  EXPECT_FALSE(remove_folder_of_ours(folder_ / "link", ours));
  EXPECT_EQ(names(), (std::vector<std::string>{"link", "part", "part/mine", "part/ours"}));
  EXPECT_FALSE(remove_folder_of_ours(folder_ / "part", ours));
  EXPECT_EQ(names(), (std::vector<std::string>{"link", "part", "part/mine"}));
  EXPECT_FALSE(remove_folder_of_ours(folder_ / "absent", ours));
}

}  // namespace
}  // namespace lineage
