#include "lineage/sandbox/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/system_error.h"
#include "lineage/sandbox/descriptor.h"

namespace lineage {
namespace {

// A file of /proc; empty when its process has ended. They have no size before they are read.
std::string read_proc(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t n; (n = ::read(file.get(), buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<size_t>(n));
  return text;
}

// Adds what one process uses. False: it has ended.
bool add_usage(TreeUsage& usage, const std::string& process) {
  const std::string stat = read_proc(process + "/stat");
  const size_t name_end = stat.rfind(')');  // a name may have spaces and parentheses
  if (name_end == std::string::npos) return false;
  // proc(5): fields 14 to 17 are utime, stime, cutime and cstime in ticks, 24 is rss in pages.
  long long ticks[4] = {}, pages = 0;
  std::sscanf(stat.c_str() + name_end + 1,
              " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld %*d %*d %*d %*d "
              "%*u %*u %lld",
              &ticks[0], &ticks[1], &ticks[2], &ticks[3], &pages);
  static const double ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  usage.cpu_seconds +=
      static_cast<double>(ticks[0] + ticks[1] + ticks[2] + ticks[3]) / ticks_per_second;
  usage.resident_bytes += pages * ::sysconf(_SC_PAGESIZE);
  return true;
}

// A child belongs to the thread that made it.
void add_children(std::vector<pid_t>& to, const std::string& process) {
  const std::string threads = process + "/task";
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(threads.c_str()), ::closedir);
  if (!folder) return;
  while (const dirent* thread = ::readdir(folder.get())) {
    if (thread->d_name[0] == '.') continue;
    const std::string children = read_proc(threads + "/" + thread->d_name + "/children");
    for (char* at = const_cast<char*>(children.c_str()); *at;) {
      char* end = at;
      const long child = std::strtol(at, &end, 10);
      if (end == at) break;
      if (child > 0) to.push_back(static_cast<pid_t>(child));
      at = end;
    }
  }
}

}  // namespace

TreeUsage tree_usage(pid_t root) {
  TreeUsage usage;
  std::vector<pid_t> processes{root};
  for (size_t i = 0; i < processes.size() && i < 65536; ++i) {
    const std::string process = "/proc/" + std::to_string(processes[i]);
    if (add_usage(usage, process)) add_children(processes, process);
  }
  return usage;
}

FolderUsage folder_usage(pid_t process, const char* folder) {
  const std::string path = "/proc/" + std::to_string(process) + "/root" + folder;
  struct statvfs s;
  if (::statvfs(path.c_str(), &s) != 0) {
    if (errno == ENOENT || errno == ESRCH) return {};
    throw system_error(path, "see how full it is", errno);
  }
  return {static_cast<int64_t>((s.f_blocks - s.f_bfree) * s.f_frsize),
          static_cast<int64_t>(s.f_files - s.f_ffree)};
}

}  // namespace lineage
