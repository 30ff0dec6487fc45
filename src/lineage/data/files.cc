#include "lineage/data/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lineage/base/error.h"
#include "lineage/data/glob.h"
#include "lineage/data/readable.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> default_include(SourceKind kind) {
  if (kind == SourceKind::jsonl) return {"*.{jsonl,json,ndjson}", "*.{jsonl,json,ndjson}.{gz,zst}"};
  if (kind == SourceKind::warc) return {"*.{warc,wet}", "*.{warc,wet}.{gz,zst}"};
  return {};
}

class Listing {
 public:
  Listing(const SourceConfig& config, const std::string& name)
      : kind_(config.kind),
        name_(name),
        include_(globs(config.include.empty() ? default_include(config.kind) : config.include)),
        exclude_(globs(config.exclude)),
        choosy_(!config.include.empty()) {}

  void add(const std::string& path) {
    if (path.empty())
      throw Error("source " + name_ + ": paths holds an empty name; wanted a file or a folder",
                  "set paths = [\"folder\"] in this source");
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status))
      walk(path, include_);
    else if (fs::is_regular_file(status))
      add_named(path);
    else if (is_pattern(path))
      add_pattern(path);
    else
      fail_absent(path, status, error);
  }

  FileList finish(const SourceConfig& config) {
    if (list_.files.empty())
      throw Error(
          fmt::format("source {}: {}: none of the {} files there matches include and exclude{};"
                      " wanted at least one file",
                      name_, fmt::join(config.paths, ", "), seen_, names_seen()),
          help_for_other_files());
    return std::move(list_);
  }

 private:
  void add_named(const std::string& path) {
    const size_t before = list_.files.size();
    consider(fs::directory_entry(path), fs::path(path).parent_path(),
             choosy_ ? include_ : std::vector<Glob>{});
    if (list_.files.size() == before) return;
    list_.files.back().named = true;
    check_readable(kind_, path);
  }

  [[noreturn]] void fail_absent(const std::string& path, const fs::file_status& status,
                                const std::error_code& error) const {
    std::error_code absent;
    std::string
        seen = "neither a file nor a folder",
        help = "check paths for a typing error; relative paths of a recipe start at its folder";
    if (fs::is_symlink(fs::symlink_status(path, absent)) && !fs::exists(status)) {
      seen = status.type() == fs::file_type::not_found
                 ? "a link to nothing"
                 : "a link that leads nowhere: " + error.message();
      help = "check where it leads: ls -l " + path;
    } else if (status.type() == fs::file_type::not_found) {
      seen = "no such file or folder";
    } else if (error) {
      seen = error.message();
      if (error == std::errc::permission_denied) help = "check who may read it: ls -ld " + path;
    }
    throw Error(fmt::format("source {}: {}: {}; wanted a file or a folder", name_, path, seen),
                std::move(help));
  }

  // "data/**/*.txt": walks the longest folder without a pattern and matches the paths below. A part
  // with brackets that exists literally is not a pattern.
  void add_pattern(const std::string& path) {
    fs::path base, rest;
    std::error_code error;
    for (const fs::path& part : fs::path(path)) {
      const bool literal = !is_pattern(part.string()) || fs::exists(base / part, error);
      (rest.empty() && literal ? base : rest) /= part;
    }
    if (base.empty()) base = ".";
    if (!fs::is_directory(base, error))
      throw Error(fmt::format("source {}: {}: no such folder (of the pattern {})", name_,
                              base.string(), path),
                  "check paths for a typing error");
    const int64_t before = matched_;
    // "./" keeps a pattern such as "*.txt" to the folder itself.
    walk(base, {Glob("./" + rest.string())});
    if (matched_ == before)
      throw Error(fmt::format("source {}: {}: no file matches this pattern; wanted at least one",
                              name_, path),
                  fmt::format("see what is there: ls {}", base.string()));
  }

  // Real folders first, then the targets of links: a folder inside is found by its own name.
  void walk(const fs::path& root, const std::vector<Glob>& wanted) {
    folders_.clear();
    std::vector<fs::path> links;
    std::vector<fs::directory_entry> found;
    walk_folder(root, root, found, links);
    for (size_t i = 0; i < links.size(); ++i)
      if (leads_above(links[i], root) || !walk_folder(links[i], root, found, links))
        ++list_.passed_over["links to folders that are read already"];
    std::sort(found.begin(), found.end());
    for (const fs::directory_entry& entry : found) consider(entry, root, wanted);
  }

  // Whether a link leads to a folder that holds `root`.
  static bool leads_above(const fs::path& link, const fs::path& root) {
    std::error_code error;
    const fs::path real = fs::canonical(link, error), from = fs::canonical(root, error);
    return std::mismatch(real.begin(), real.end(), from.begin(), from.end()).first == real.end();
  }

  // Appends the files in `folder` and in the folders below it, and the links to folders there.
  // False when it was read already.
  bool walk_folder(const fs::path& folder, const fs::path& root,
                   std::vector<fs::directory_entry>& found, std::vector<fs::path>& links) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (!error && !folders_.insert(real.string()).second) return false;
    std::vector<fs::directory_entry> entries;
    auto it = fs::directory_iterator(folder, error);
    for (; !error && it != fs::directory_iterator(); it.increment(error)) entries.push_back(*it);
    if (error)
      throw Error(fmt::format("source {}: {}: cannot list the folder: {}", name_, folder.string(),
                              error.message()),
                  "check who may read it: ls -ld " + folder.string());
    std::sort(entries.begin(), entries.end());
    for (const fs::directory_entry& entry : entries) {
      if (entry.path().filename().string().starts_with('.')) continue;
      const fs::file_status status = entry.status(error);
      if (fs::is_regular_file(status)) {
        found.push_back(entry);
      } else if (fs::is_directory(status)) {
        if (any_matches(exclude_, relative(entry.path(), root))) continue;
        if (entry.is_symlink(error))
          links.push_back(entry.path());
        else
          walk_folder(entry.path(), root, found, links);
      } else if (entry.is_symlink(error)) {
        ++list_.passed_over["links that lead nowhere"];
      } else {
        ++list_.passed_over["neither files nor folders"];
      }
    }
    return true;
  }

  void consider(const fs::directory_entry& entry, const fs::path& root,
                const std::vector<Glob>& wanted) {
    ++seen_;
    const std::string below = relative(entry.path(), root);
    if (any_matches(exclude_, below)) return;
    if (!wanted.empty() && !any_matches(wanted, below)) {
      other_.insert(entry.path());
      // Files that the config's own patterns leave out need no note.
      if (!choosy_ && &wanted == &include_)
        ++list_.passed_over["other files (*" + entry.path().extension().string() + ")"];
      return;
    }
    ++matched_;
    std::error_code error;
    const fs::path real = fs::canonical(entry.path(), error);
    if (!taken_.insert(error ? entry.path().lexically_normal().string() : real.string()).second)
      return;
    const auto modified = entry.last_write_time(error).time_since_epoch();
    const auto size = error ? 0 : entry.file_size(error);
    if (error)
      throw Error(fmt::format("source {}: {}: {}; wanted a file", name_, entry.path().string(),
                              error.message()),
                  "check that it is there and may be read: ls -l " + entry.path().string());
    list_.files.push_back({entry.path(), root, static_cast<int64_t>(size),
                           std::chrono::duration_cast<std::chrono::nanoseconds>(modified).count()});
  }

  // ": they are *.parquet, *.txt"; "" when there is none.
  std::string names_seen() const {
    std::set<std::string> names;
    for (const fs::path& path : other_) names.insert("*" + path.extension().string());
    if (names.empty() || names.size() > 8) return "";
    return fmt::format(" (they are {})", fmt::join(names, ", "));
  }

  // If the files found are not text, the hint on converting the first.
  std::string help_for_other_files() const {
    for (const fs::path& path : other_) {
      try {
        check_readable(kind_, path);
      } catch (const Error& e) {
        if (!e.hint().empty()) return std::string(e.hint());
      }
    }
    return "widen include, or name the files in paths";
  }

  static std::string relative(const fs::path& path, const fs::path& root) {
    return path.lexically_relative(root.empty() ? fs::path(".") : root).string();
  }

  SourceKind kind_;
  const std::string& name_;
  std::vector<Glob> include_, exclude_;
  bool choosy_;
  std::set<std::string> taken_, folders_;  // by their real paths
  std::set<fs::path> other_;               // files of names that are not wanted
  FileList list_;
  int64_t seen_ = 0, matched_ = 0;
};

}  // namespace

FileList list_files(const SourceConfig& config, const std::string& name) {
  if (config.paths.empty())
    throw Error("source " + name + ": paths is empty; wanted at least one file or folder",
                "set paths = [\"folder\"] in this source");
  Listing listing(config, name);
  for (const std::string& path : config.paths) listing.add(path);
  return listing.finish(config);
}

}  // namespace lineage
