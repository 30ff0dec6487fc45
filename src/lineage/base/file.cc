#include "lineage/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "lineage/base/error.h"

namespace lineage {
namespace {

[[noreturn]] void fail(const fs::path& path, std::string_view doing, int error) {
  std::string hint;
  if (error == ENOSPC || error == EDQUOT) hint = "free some space on this disk and run it again";
  if (error == EFBIG) hint = "see how large a file may grow here: ulimit -f";
  if (error == EACCES || error == EPERM) hint = "check who owns it: ls -l " + path.string();
  if (error == ENOENT) hint = "check the path for a typing error";
  throw Error(path.string() + ": cannot " + std::string(doing) + ": " + std::strerror(error), hint);
}

void write_all(int fd, const fs::path& path, const char* data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = ::write(fd, data, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "write " + std::to_string(bytes) + " bytes", errno);
    data += n;
    bytes -= static_cast<size_t>(n);
  }
}

}  // namespace

std::string read_file(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) fail(path, "read", EISDIR);
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(path, "open", errno ? errno : EIO);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) fail(path, "read", errno ? errno : EIO);
  return bytes;
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  static std::atomic<unsigned> count{0};
  partial_ = path_;
  partial_ += ".partial." + std::to_string(::getpid()) + "." + std::to_string(count++);
  fd_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(path_, "create", errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(partial_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) {
  write_all(fd_, path_, static_cast<const char*>(data), bytes);
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail(path_, "flush to disk", errno);
  ::close(std::exchange(fd_, -1));
  if (::rename(partial_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(partial_.c_str());
    fail(path_, "replace", error);
  }
}

MappedFile::MappedFile(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path, "open", errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw Error(path.string() + ": not a regular file");
  }
  size_ = static_cast<size_t>(info.st_size);
  if (size_ > 0) {
    void* at = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
    const int error = errno;
    ::close(fd);
    if (at == MAP_FAILED) fail(path, "map", error);
    data_ = static_cast<const std::byte*>(at);
  } else {
    ::close(fd);
  }
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

FolderLock::FolderLock(const fs::path& folder) {
  fs::create_directories(folder);
  const fs::path path = folder / ".lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(path, "create", errno);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t n = ::pread(fd_, holder, sizeof holder - 1, 0);
    ::close(std::exchange(fd_, -1));
    throw Error(folder.string() + ": in use by another run (process " +
                    (n > 0 ? std::string(holder) : "unknown") + "); wanted it for this one alone",
                "wait for that run, or name another folder with --out");
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, pid.data(), pid.size(), 0) < 0)
    fail(path, "write", errno);
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace lineage
