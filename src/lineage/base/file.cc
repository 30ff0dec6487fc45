#include "lineage/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/system_error.h"

namespace lineage {
namespace {

// The process that wrote itself into a lock's file.
std::string process_in(int fd) {
  char text[32] = {};
  return ::pread(fd, text, sizeof text - 1, 0) > 0 ? text : "unknown";
}

[[noreturn]] void fail(const fs::path& path, std::string_view doing, int error) {
  throw system_error(path, doing, error);
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
  // A rename would put a file in the place of a link, or of a device such as /dev/null.
  struct stat info {};
  if (::stat(path_.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
    throw Error(path_.string() + ": is a device or a pipe; wanted a file to write",
                "name a file, or let the program print and redirect that");
  std::error_code none;
  if (fs::is_symlink(fs::symlink_status(path_, none)) && fs::exists(path_, none))
    path_ = fs::canonical(path_);
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

FolderLock::FolderLock(const fs::path& folder, const std::string& file) {
  open(folder, file);
  // holder_of() of another process, who only looks, has it for a moment.
  constexpr int kTries = 5;
  constexpr std::chrono::milliseconds kMoment(2);
  for (int i = 0; i < kTries; ++i) {
    if (try_lock()) return;
    std::this_thread::sleep_for(kMoment);
  }
  const Error in_use(folder.string() + ": in use by another run (process " + holder() +
                         "); wanted it for this one alone",
                     "wait for that run, or name another folder with --out");
  close();
  throw in_use;
}

FolderLock::FolderLock(const fs::path& folder, const LockWait& wait, const std::string& file) {
  constexpr std::chrono::milliseconds kBetween(50);
  open(folder, file);
  for (bool told = false; !try_lock(); told = true) {
    if (!told)
      wait.progress.note(wait.what + ": waiting for process " + holder() + ", which makes it");
    if (wait.interrupted && wait.interrupted()) {
      close();
      throw Interrupted(wait.what + ": interrupted while another process makes it",
                        "run the same command again to go on");
    }
    std::this_thread::sleep_for(kBetween);
  }
}

void FolderLock::open(const fs::path& folder, const std::string& file) {
  create_folders(folder);
  path_ = folder / file;
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(path_, "create", errno);
}

bool FolderLock::try_lock() {
  for (;;) {
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK || errno == EINTR) return false;
      const int error = errno;
      close();
      fail(path_, "lock", error);
    }
    if (lies_at_path()) break;
    // The one who held it has removed the file, and another may hold a new one.
    close();
    open(path_.parent_path(), path_.filename().string());
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
    const int error = errno;
    close();
    fail(path_, "write", error);
  }
  return true;
}

bool FolderLock::lies_at_path() const {
  struct stat locked {
  }, there{};
  return ::fstat(fd_, &locked) == 0 && ::stat(path_.c_str(), &there) == 0 &&
         locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
}

std::string FolderLock::holder() const { return process_in(fd_); }

std::optional<std::string> FolderLock::holder_of(const fs::path& folder, const std::string& file) {
  const int fd = ::open((folder / file).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::optional<std::string> holder;
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) holder = process_in(fd);
  ::close(fd);
  return holder;
}

void FolderLock::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

FolderLock::~FolderLock() { close(); }

}  // namespace lineage
