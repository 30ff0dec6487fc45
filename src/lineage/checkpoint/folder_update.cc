#include "lineage/checkpoint/folder_update.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/system_error.h"

namespace lineage {
namespace {

// Names that are Lineage's alone: everything in these folders was written by an update.
constexpr const char* kIncoming = ".lineage-incoming";
constexpr const char* kCommitted = ".lineage-committed";

// Runs a step on the file system; its failure becomes an Error that names the folder.
template <class Step>
auto attempt(const fs::path& folder, std::string_view doing, const Step& step) {
  try {
    return step();
  } catch (const fs::filesystem_error& e) {
    throw system_error(folder, doing, e.code().value());
  }
}

void remove_below(const fs::path& folder, const fs::path& entry) {
  remove_ours(folder, [&](const fs::path& file) { return *file.begin() == entry; });
}

// Each entry there takes the place of the one in the folder, which check_places() has looked at.
// Safe to repeat from any point.
void move_committed(const fs::path& folder, const std::string& last) {
  const fs::path committed = folder / kCommitted;
  if (!fs::exists(committed)) return;
  const auto move = [&](const fs::path& entry) {
    if (fs::is_directory(entry)) remove_below(folder, entry.filename());
    fs::rename(entry, folder / entry.filename());
  };
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(committed))
    if (entry.path().filename() != last) entries.push_back(entry.path());
  for (const fs::path& entry : entries) move(entry);
  if (!last.empty() && fs::exists(committed / last)) move(committed / last);
  sync_folder(folder);
  remove_below(folder, kCommitted);
}

std::set<fs::path> names_below(const fs::path& folder) {
  std::set<fs::path> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    names.insert(entry.path().lexically_relative(folder));
  return names;
}

}  // namespace

FolderUpdate::FolderUpdate(fs::path folder, IsOurs ours)
    : folder_(std::move(folder)), staging_(folder_ / kIncoming), ours_(std::move(ours)) {
  create_folders(folder_);
  lock_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) throw system_error(folder_, "open the folder", errno);
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw Error(folder_.string() + ": another process is writing here; wanted to be the only one",
                "wait for it, or write to another folder");
  }
  try {
    attempt(folder_, "prepare the folder", [&] {
      move_committed(folder_, {});
      remove_below(folder_, kIncoming);
      fs::create_directory(staging_);
    });
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

FolderUpdate::~FolderUpdate() {
  try {
    remove_below(folder_, kIncoming);
  } catch (const Error&) {  // the next writer does
  }
  ::close(lock_);
}

void FolderUpdate::check_places() const {
  for (const auto& entry : fs::directory_iterator(staging_)) {
    const fs::path to = folder_ / entry.path().filename();
    if (!fs::exists(fs::symlink_status(to))) continue;
    const fs::path foreign = first_foreign(folder_, to, ours_);
    if (foreign.empty()) continue;
    throw Error((folder_ / foreign).string() +
                    ": is there already, and not as Lineage wrote it; wanted to write there",
                "name a new folder, or move it away");
  }
}

void FolderUpdate::commit(const std::string& last) {
  attempt(folder_, "publish the new files", [&] {
    check_places();
    for (const auto& entry : fs::recursive_directory_iterator(staging_))
      if (entry.is_directory()) sync_folder(entry.path());
    sync_folder(staging_);
    const std::set<fs::path> fresh = names_below(staging_);
    fs::rename(staging_, folder_ / kCommitted);
    sync_folder(folder_);
    move_committed(folder_, last);
    remove_ours(folder_,
                [&](const fs::path& file) { return ours_(file) && !fresh.contains(file); });
  });
}

std::string first_name_in(const fs::path& folder) {
  return attempt(folder, "look into the folder", [&] {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
      names.insert(entry.path().filename().string());
    names.erase(kIncoming), names.erase(kCommitted);
    return names.empty() ? std::string() : *names.begin();
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
