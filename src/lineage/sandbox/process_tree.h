#pragma once

#include <sys/types.h>

#include <cstdint>

namespace lineage {

// What a process and its descendants use now.
struct TreeUsage {
  double cpu_seconds = 0;      // of those that live, and of those that they waited for
  int64_t resident_bytes = 0;  // a page that several of them share counts in each
};

// Reads it from /proc. A process that ends meanwhile counts as far as it was read.
TreeUsage tree_usage(pid_t root);

struct FolderUsage {
  int64_t bytes = 0, files = 0;
};

// What the file system that a process sees at `folder` holds; all 0 where the process has ended.
FolderUsage folder_usage(pid_t process, const char* folder);

}  // namespace lineage
