#include "lineage/base/system_error.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace lineage {
namespace {

std::string help_for(int error, const std::string& path) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "free some space on this disk and run it again";
    case EFBIG:
      return "see how large a file may grow here: ulimit -f";
    case EACCES:
    case EPERM:
      return "check who owns it: ls -l " + path;
    case EROFS:
      return "this file system is read-only; name a place on another one";
    case ENOENT:
      return "check the path for a typing error";
    case EISDIR:
      return "name a file in it";
    case ENOTDIR:
      return "a part of this path is a file; name a path below a folder";
    case ELOOP:
      return "a symbolic link of this path leads back to itself: ls -l " + path;
    case ENAMETOOLONG:
      return "a file name has at most 255 bytes and a path 4095; choose shorter names";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files: ulimit -n";
    case EAGAIN:
      return "use fewer --threads, or raise the limit of processes: ulimit -u";
    case EIO:
      return "the disk, or the connection to it, has failed; the system's log says more: dmesg";
    default:
      return {};
  }
}

}  // namespace

Error system_error(const std::filesystem::path& path, std::string_view doing, int error) {
  return Error(path.string() + ": cannot " + std::string(doing) + ": " + std::strerror(error),
               help_for(error, path.string()));
}

Error system_error(const std::system_error& e) {
  const int error = e.code().category() == std::generic_category() ||
                            e.code().category() == std::system_category()
                        ? e.code().value()
                        : 0;
  if (const auto* of_file = dynamic_cast<const std::filesystem::filesystem_error*>(&e);
      of_file && !of_file->path1().empty())
    return system_error(of_file->path1(), "use it", error);
  std::string help = help_for(error, ".");
  if (help.empty()) help = "the system refused this; see the limits it sets: ulimit -a";
  return Error(std::string("system: ") + e.what(), help);
}

}  // namespace lineage
