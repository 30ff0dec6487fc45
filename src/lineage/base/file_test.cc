#include "lineage/base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "lineage/base/error.h"
#include "lineage/base/testing.h"

namespace lineage {
namespace {

class FileTest : public ::testing::Test {
 protected:
  size_t count_files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  testing::TempFolder folder_;
};

template <class Body>
Error error_of(const Body& body) {
  try {
    body();
  } catch (const Error& e) {
    return e;
  }
  return Error("no error");
}

TEST_F(FileTest, WritesAndReadsAnyBytes) {
  const std::string bytes("a\0\xff\r\n", 5);
  write_file_atomic(folder_ / "x", bytes);
  EXPECT_EQ(read_file(folder_ / "x"), bytes);
  write_file_atomic(folder_ / "x", "");
  EXPECT_EQ(read_file(folder_ / "x"), "");
  EXPECT_EQ(count_files(), 1u) << "a partial file was left";
}

TEST_F(FileTest, ReadingNamesWhatIsWrong) {
  const Error absent = error_of([&] { read_file(folder_ / "none"); });
  EXPECT_EQ(absent.what(),
            (folder_ / "none").string() + ": cannot open: No such file or directory");
  EXPECT_EQ(absent.hint(), "check the path for a typing error");
  EXPECT_EQ(error_of([&] { read_file(folder_.path()); }).what(),
            folder_.string() + ": cannot read: Is a directory");
}

TEST_F(FileTest, AnUncommittedFileLeavesTheOldOne) {
  const fs::path path = folder_ / "x";
  write_file_atomic(path, "old");
  {
    AtomicFile file(path);
    file.write("new", 3);
    EXPECT_EQ(read_file(path), "old") << "visible before commit";
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(count_files(), 1u) << "a partial file was left";
}

TEST_F(FileTest, AFailedRenameLeavesNothingBehind) {
  fs::create_directories(folder_ / "x" / "inner");  // a folder cannot be replaced by a file
  const Error e = error_of([&] { write_file_atomic(folder_ / "x", "new"); });
  EXPECT_EQ(e.what(), (folder_ / "x").string() + ": cannot replace: Is a directory");
  EXPECT_EQ(count_files(), 1u) << "a partial file was left";
}

TEST_F(FileTest, WritingIntoAnAbsentFolderFails) {
  EXPECT_EQ(error_of([&] { write_file_atomic(folder_ / "none" / "x", ""); }).what(),
            (folder_ / "none" / "x").string() + ": cannot create: No such file or directory");
}

// Linux's /dev/full fails every write as a full disk does.
TEST_F(FileTest, AFullDiskSaysHowMuchWasWantedAndKeepsTheOldFile) {
  const fs::path full = "/dev/full";
  if (!fs::exists(full)) GTEST_SKIP() << "this machine has no /dev/full";
  const Error e = error_of([&] {
    // The partial file is made beside the path, so a link there points it at the full device.
    const fs::path path = folder_ / "x";
    write_file_atomic(path, "old");
    for (int i = 0; i < 64; ++i)
      fs::create_symlink(full, fs::path(path.string() + ".partial." + std::to_string(::getpid()) +
                                        "." + std::to_string(i)));
    write_file_atomic(path, std::string(5000, 'x'));
  });
  EXPECT_EQ(e.what(),
            (folder_ / "x").string() + ": cannot write 5000 bytes: No space left on device");
  EXPECT_EQ(e.hint(), "free some space on this disk and run it again");
  EXPECT_EQ(read_file(folder_ / "x"), "old");
}

TEST_F(FileTest, MapsAWholeFile) {
  write_file_atomic(folder_ / "x", "hello");
  MappedFile file(folder_ / "x");
  EXPECT_EQ(file.text(), "hello");
  EXPECT_EQ(file.bytes().size(), 5u);
  MappedFile moved = std::move(file);
  EXPECT_EQ(moved.text(), "hello");
  write_file_atomic(folder_ / "x", "replaced");
  EXPECT_EQ(moved.text(), "hello") << "a mapping changed when its file was replaced";

  write_file_atomic(folder_ / "empty", "");
  EXPECT_EQ(MappedFile(folder_ / "empty").text(), "");
  EXPECT_EQ(MappedFile().text(), "");
}

TEST_F(FileTest, MapsOnlyRegularFiles) {
  EXPECT_EQ(error_of([&] { MappedFile{folder_.path()}; }).what(),
            folder_.string() + ": not a regular file");
  EXPECT_EQ(error_of([&] { MappedFile{folder_ / "none"}; }).what(),
            (folder_ / "none").string() + ": cannot open: No such file or directory");
}

// flock() belongs to an open file, so two locks conflict within one process too.
TEST_F(FileTest, ALockedFolderNamesItsHolder) {
  {
    const FolderLock lock(folder_ / "run");
    const Error e = error_of([&] { FolderLock{folder_ / "run"}; });
    EXPECT_EQ(e.what(), (folder_ / "run").string() + ": in use by another run (process " +
                            std::to_string(::getpid()) + "); wanted it for this one alone");
    EXPECT_EQ(e.hint(), "wait for that run, or name another folder with --out");
    const FolderLock other(folder_ / "another");  // no conflict
  }
  const FolderLock again(folder_ / "run");  // free once its holder is gone
}

TEST_F(FileTest, ALockThatItsHolderRemovesIsTakenAtItsPlace) {
  const fs::path folder = folder_ / "run";
  auto first = std::make_unique<FolderLock>(folder);
  EXPECT_EQ(FolderLock::holder_of(folder), std::to_string(::getpid()));
  struct Waits final : Progress {
    void update(std::string_view, double, std::string_view) override {}
    void note(std::string_view) override { begun.set_value(); }
    std::promise<void> begun;
  } waits;
  std::unique_ptr<FolderLock> second;
  std::thread waiting([&] {
    second = std::make_unique<FolderLock>(folder, LockWait{"it", waits});
  });
  waits.begun.get_future().wait();
  fs::remove_all(folder);
  first.reset();
  waiting.join();
  EXPECT_EQ(FolderLock::holder_of(folder), std::to_string(::getpid()));
  EXPECT_THROW(FolderLock{folder}, Error);
  second.reset();
  EXPECT_EQ(FolderLock::holder_of(folder), std::nullopt);
  EXPECT_EQ(FolderLock::holder_of(folder_ / "none"), std::nullopt);
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

}  // namespace
}  // namespace lineage
