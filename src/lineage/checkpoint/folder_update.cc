#include "lineage/checkpoint/folder_update.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "lineage/base/error.h"

namespace lineage {
namespace {

constexpr const char* kIncoming = ".incoming";
constexpr const char* kCommitted = ".committed";

// Runs a step on the file system; its failure becomes an Error that names the folder.
template <class Step>
void attempt(const fs::path& folder, std::string_view doing, const Step& step) {
  try {
    step();
  } catch (const fs::filesystem_error& e) {
    throw Error(folder.string() + ": cannot " + std::string(doing) + ": " + e.code().message(),
                "check that the disk has room and that the folder is yours");
  }
}

// Each entry there takes the place of the one in the folder. Safe to repeat from any point.
void move_committed(const fs::path& folder, const std::string& last) {
  const fs::path committed = folder / kCommitted;
  if (!fs::exists(committed)) return;
  const auto move = [&](const fs::path& entry) {
    const fs::path to = folder / entry.filename();
    if (fs::is_directory(entry)) fs::remove_all(to);
    fs::rename(entry, to);
  };
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(committed))
    if (entry.path().filename() != last) entries.push_back(entry.path());
  for (const fs::path& entry : entries) move(entry);
  if (!last.empty() && fs::exists(committed / last)) move(committed / last);
  sync_folder(folder);
  fs::remove(committed);
}

}  // namespace

FolderUpdate::FolderUpdate(fs::path folder)
    : folder_(std::move(folder)), staging_(folder_ / kIncoming) {
  attempt(folder_, "create the folder", [&] { fs::create_directories(folder_); });
  lock_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(lock_ >= 0, folder_.string(), ": cannot open the folder: ", std::strerror(errno));
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw Error(folder_.string() + ": another process is writing here; wanted to be the only one",
                "wait for it, or write to another folder");
  }
  try {
    attempt(folder_, "prepare the folder", [&] {
      move_committed(folder_, {});
      fs::remove_all(staging_);
      fs::create_directory(staging_);
    });
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

FolderUpdate::~FolderUpdate() {
  std::error_code ignored;
  fs::remove_all(staging_, ignored);
  ::close(lock_);
}

void FolderUpdate::commit(const std::string& last) {
  attempt(folder_, "publish the new files", [&] {
    for (const auto& entry : fs::recursive_directory_iterator(staging_))
      if (entry.is_directory()) sync_folder(entry.path());
    sync_folder(staging_);
    fs::rename(staging_, folder_ / kCommitted);
    sync_folder(folder_);
    move_committed(folder_, last);
  });
}

fs::path current_file(const fs::path& folder, const std::string& name) {
  // A folder moves as a whole, so its files are where the folder is.
  const fs::path committed = folder / kCommitted;
  std::error_code ignored;
  return fs::exists(committed / *fs::path(name).begin(), ignored) ? committed / name
                                                                  : folder / name;
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(fd >= 0, folder.string(), ": cannot open the folder: ", std::strerror(errno));
  const int failed = ::fsync(fd), error = errno;
  ::close(fd);
  // Some file systems cannot flush a folder and say EINVAL; they keep order by themselves.
  require(failed == 0 || error == EINVAL, folder.string(),
          ": cannot flush to disk: ", std::strerror(error));
}

}  // namespace lineage
