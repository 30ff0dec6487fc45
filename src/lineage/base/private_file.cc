#include "lineage/base/private_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/system_error.h"

namespace lineage {
namespace {

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

void append_private_line(const fs::path& path, std::string_view line) {
  LockedFile file(path);
  std::string text = file.ends_a_line(file.size()) ? "" : "\n";
  text.append(line).append("\n");
  file.append(text);
}

}  // namespace lineage
