#include "lineage/base/private_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/system_error.h"

namespace lineage {
namespace {

// The name of a new file is on the disk once its folder is.
void flush_folder_of(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw system_error(folder, "open", errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  // Some file systems cannot flush a folder.
  if (error != 0 && error != EINVAL) throw system_error(folder, "flush to disk", error);
}

// An open file with an exclusive lock, for as long as it lives.
class LockedFile {
 public:
  explicit LockedFile(const fs::path& path) : path_(path) {
    fd_ = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) throw system_error(path, "create", errno);
    while (::flock(fd_, LOCK_EX) != 0)
      if (errno != EINTR) {
        const int error = errno;
        ::close(fd_);
        throw system_error(path_, "lock", error);
      }
  }
  ~LockedFile() { ::close(fd_); }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;

  off_t size() const {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) throw system_error(path_, "look at", errno);
    return info.st_size;
  }
  bool ends_a_line(off_t size) const {
    char last = '\n';
    return size == 0 || (::pread(fd_, &last, 1, size - 1) == 1 && last == '\n');
  }
  void append(std::string_view text) {
    const off_t before = size();
    const auto undo = [&](int error) {
      if (::ftruncate(fd_, before) != 0) error = errno;
      throw system_error(path_, "write " + std::to_string(text.size()) + " bytes", error);
    };
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) undo(errno);
      rest.remove_prefix(static_cast<size_t>(n));
    }
    if (::fsync(fd_) != 0) undo(errno);
  }

 private:
  const fs::path& path_;
  int fd_ = -1;
};

}  // namespace

void make_private_folder(const fs::path& folder) {
  if (folder.has_parent_path()) create_folders(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error(folder, "create the folder", errno);
  std::error_code none;
  if (!fs::is_directory(folder, none))
    throw Error(folder.string() + ": is no folder", "move it away");
}

void write_private_file(const fs::path& path, std::string_view bytes) {
  static std::atomic<unsigned> count{0};
  fs::path partial = path;
  partial += ".partial." + std::to_string(::getpid()) + "." + std::to_string(count++);
  try {
    LockedFile(partial).append(bytes);
    if (::rename(partial.c_str(), path.c_str()) != 0) throw system_error(path, "replace", errno);
  } catch (...) {
    ::unlink(partial.c_str());
    throw;
  }
  flush_folder_of(path);
}

void append_private_line(const fs::path& path, std::string_view line) {
  LockedFile file(path);
  const off_t before = file.size();
  std::string text = file.ends_a_line(before) ? "" : "\n";
  text.append(line).append("\n");
  file.append(text);
  if (before == 0) flush_folder_of(path);
}

}  // namespace lineage
