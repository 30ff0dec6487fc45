#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lineage/base/progress.h"

namespace lineage {

namespace fs = std::filesystem;

// Whole-file reading and writing. Every failure throws an Error with the path, the system's message
// and a hint (for a full disk, the number of bytes needed).
std::string read_file(const fs::path&);

// Writes beside `path` and renames, after fsync: a reader sees the old content or the new, never
// half. On failure the old file is untouched and the partial one is removed.
void write_file_atomic(const fs::path&, std::string_view bytes);

// Many writes, one rename: commit() publishes; without it the destructor removes the partial file.
class AtomicFile {
 public:
  explicit AtomicFile(fs::path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(const void* data, size_t bytes);
  void commit();

 private:
  fs::path path_, partial_;
  int fd_ = -1;
};

// A read-only mapping of a whole file. Moveable; the bytes live as long as the object.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const fs::path&);
  ~MappedFile();
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Options of waiting for a lock: what the other process makes, for the note; and when to stop.
struct LockWait {
  std::string what;
  Progress& progress;
  std::function<bool()> interrupted = {};
};

// An exclusive advisory lock on a file of `folder`, both created, held while the object lives.
class FolderLock {
 public:
  // An Error naming the process that holds it.
  explicit FolderLock(const fs::path& folder, const std::string& file = ".lock");
  // Waits for the process that holds it, with a note that names it; Interrupted by `interrupted`.
  FolderLock(const fs::path& folder, const LockWait&, const std::string& file = ".lock");
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  // The process that holds the lock now, found without creating anything; none: unlocked.
  static std::optional<std::string> holder_of(const fs::path& folder,
                                              const std::string& file = ".lock");

 private:
  void open(const fs::path& folder, const std::string& file);
  bool try_lock();
  bool lies_at_path() const;
  std::string holder() const;
  void close();

  fs::path path_;
  int fd_ = -1;
};

}  // namespace lineage
