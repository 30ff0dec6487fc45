#include "lineage/base/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/system_error.h"

namespace lineage {
namespace {

// Runs a step on the file system; its failure becomes an Error that names the path.
template <class Step>
auto attempt(const fs::path& path, std::string_view doing, const Step& step) {
  try {
    return step();
  } catch (const fs::filesystem_error& e) {
    throw system_error(e.path1().empty() ? path : e.path1(), doing, e.code().value());
  }
}

bool is_folder(const fs::path& path) { return fs::is_directory(fs::symlink_status(path)); }

// In the order of their names; none where another process has removed the folder.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code failed;
  fs::directory_iterator found(folder, failed);
  if (failed == std::errc::no_such_file_or_directory) return {};
  if (failed) throw fs::filesystem_error("list", folder, failed);
  std::vector<fs::path> entries;
  for (const auto& entry : found) entries.push_back(entry.path());
  std::ranges::sort(entries);
  return entries;
}

void remove_below(const fs::path& root, const fs::path& folder, const IsOurs& ours) {
  for (const fs::path& entry : entries_of(folder)) {
    const bool inner = is_folder(entry);
    if (inner) remove_below(root, entry, ours);
    if (entry.filename() == ".lock" || !ours(entry.lexically_relative(root))) continue;
    if (!inner || entries_of(entry).empty()) fs::remove(entry);
  }
}

// Whether it is a link to an entry of the folder `targets`, which need not be there any more.
bool links_into(const fs::path& link, const fs::path& targets) {
  if (!fs::is_symlink(fs::symlink_status(link))) return false;
  const fs::path from = fs::weakly_canonical(fs::absolute(link).parent_path());
  const fs::path target = (from / fs::read_symlink(link)).lexically_normal();
  return target.parent_path() == fs::weakly_canonical(fs::absolute(targets));
}

[[noreturn]] void refuse_place(const fs::path& at, std::string_view seen, std::string_view wanted,
                               std::string_view option) {
  throw Error(at.string() + ": is " + std::string(seen) + "; wanted " + std::string(wanted),
              "choose another with " + std::string(option));
}

}  // namespace

void create_folders(const fs::path& folder) {
  attempt(folder, "create the folder", [&] { fs::create_directories(folder); });
}

void remove_ours(const fs::path& folder, const IsOurs& ours) {
  attempt(folder, "remove", [&] {
    if (fs::is_directory(folder)) remove_below(folder, folder, ours);
  });
}

bool remove_folder_of_ours(const fs::path& folder, const IsOurs& ours) {
  return attempt(folder, "remove", [&] {
    if (!is_folder(folder)) return false;
    remove_below(folder, folder, ours);
    const auto left = entries_of(folder);
    const bool lock = left.size() == 1 && left[0].filename() == ".lock" && !is_folder(left[0]);
    if (!left.empty() && !lock) return false;
    if (lock) fs::remove(left[0]);
    return fs::remove(folder);
  });
}

int64_t bytes_of_ours(const fs::path& folder, const IsOurs& ours) {
  return attempt(folder, "look into it", [&] {
    int64_t bytes = 0;
    if (!is_folder(folder)) return bytes;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (fs::is_regular_file(entry.symlink_status()) &&
          ours(entry.path().lexically_relative(folder)))
        bytes += static_cast<int64_t>(entry.file_size());
    return bytes;
  });
}

fs::path first_foreign(const fs::path& folder, const fs::path& at, const IsOurs& ours) {
  return attempt(at, "look into it", [&]() -> fs::path {
    const auto entries = is_folder(at) ? entries_of(at) : std::vector<fs::path>();
    for (const fs::path& entry : entries)
      if (const fs::path found = first_foreign(folder, entry, ours); !found.empty()) return found;
    const fs::path relative = at.lexically_relative(folder);
    return entries.empty() && !ours(relative) ? relative : fs::path();
  });
}

void replace_link(const fs::path& link, const fs::path& target) {
  static std::atomic<unsigned> count{0};
  constexpr int kTries = 8;  // another process may remove the folder while it is empty
  for (int tries = 1;; ++tries) {
    create_folders(link.parent_path());
    try {
      const bool absent = fs::symlink_status(link).type() == fs::file_type::not_found;
      if (!absent && !links_into(link, target.parent_path()))
        throw Error(link.string() +
                        ": is there already, and is no link that Lineage made; wanted " +
                        "to link the model there",
                    "move it away, or give the node or the recipe another name");
      fs::path fresh = link;
      fresh += ".new." + std::to_string(::getpid()) + "." + std::to_string(count++);
      fs::create_directory_symlink(fs::relative(target, link.parent_path()), fresh);
      return fs::rename(fresh, link);
    } catch (const fs::filesystem_error& e) {
      if (e.code() != std::errc::no_such_file_or_directory || tries == kTries)
        throw system_error(e.path1().empty() ? link : e.path1(), "make the link", e.code().value());
    }
  }
}

void remove_links(const fs::path& folder, const fs::path& targets,
                  const std::function<bool(const std::string&)>& keep) {
  attempt(folder, "remove links", [&] {
    if (!fs::is_directory(folder)) return;
    for (const fs::path& entry : entries_of(folder))
      if (!keep(entry.filename().string()) && links_into(entry, targets)) fs::remove(entry);
  });
}

void check_writable_folder(const fs::path& path, std::string_view option) {
  if (path.empty())
    throw Error(std::string(option) + " is empty; wanted the path of a folder",
                "give a path after " + std::string(option));
  fs::path at = fs::absolute(path);
  struct stat info {};
  while (::stat(at.c_str(), &info) != 0) {
    const int error = errno;
    std::error_code none;
    if (error == ENOENT && fs::is_symlink(fs::symlink_status(at, none)))
      refuse_place(at, "a link to " + fs::read_symlink(at).string() + ", which is not there",
                   "a folder", option);
    if ((error != ENOENT && error != ENOTDIR) || !at.has_parent_path() || at == at.parent_path())
      throw system_error(at, "be reached", error);
    at = at.parent_path();
  }
  if (!S_ISDIR(info.st_mode))
    refuse_place(at, S_ISREG(info.st_mode) ? "a file" : "a device", "a folder", option);
  if (::access(at.c_str(), W_OK | X_OK) != 0)
    throw Error(system_error(at, "write there", errno).what(),
                "name a folder that you may write to with " + std::string(option));
}

void check_writable_file(const fs::path& path, std::string_view option) {
  if (path.empty())
    throw Error(std::string(option) + " is empty; wanted the path of a file",
                "give a path after " + std::string(option));
  std::error_code none;
  if (fs::is_directory(path, none) || !path.has_filename())
    refuse_place(path, "a folder", "a file", option);
  if (const fs::path folder = fs::absolute(path).parent_path(); !fs::exists(folder, none))
    throw Error(folder.string() + ": no such folder; wanted the folder to write " +
                    path.filename().string() + " into",
                "make it first: mkdir -p " + folder.string());
  else
    check_writable_folder(folder, option);
}

void check_apart(const fs::path& from, const fs::path& to) {
  const auto within = [](const fs::path& inner, const fs::path& outer) {
    return std::ranges::mismatch(outer, inner).in1 == outer.end();
  };
  const auto whole = [](const fs::path& path) {
    return attempt(path, "be reached", [&] {
      fs::path p = fs::weakly_canonical(fs::absolute(path));
      return p.has_filename() ? p : p.parent_path();
    });
  };
  const fs::path a = whole(from), b = whole(to);
  if (!within(a, b) && !within(b, a)) return;
  throw Error(to.string() + ": " +
                  (a == b         ? "is"
                   : within(a, b) ? "holds"
                                  : "lies in") +
                  " the folder that is read, " + from.string() + "; wanted one apart from it",
              "name a new folder");
}

}  // namespace lineage
