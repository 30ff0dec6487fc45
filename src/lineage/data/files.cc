#include "lineage/data/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lineage/base/error.h"
#include "lineage/data/glob.h"

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
      : name_(name),
        include_(globs(config.include.empty() ? default_include(config.kind) : config.include)),
        exclude_(globs(config.exclude)),
        choosy_(!config.include.empty()) {}

  void add(const std::string& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status)) {
      walk(path, include_);
    } else if (fs::is_regular_file(status)) {
      consider(fs::directory_entry(path), fs::path(path).parent_path(),
               choosy_ ? include_ : std::vector<Glob>{});
    } else if (is_pattern(path)) {
      add_pattern(path);
    } else {
      throw Error(fmt::format("source {}: {}: {}; wanted a file or a folder", name_, path,
                              fs::exists(status) ? "neither a file nor a folder"
                                                 : "no such file or folder"),
                  "check paths for a typing error; relative paths start where lineage was started");
    }
  }

  std::vector<InputFile> finish(const SourceConfig& config) {
    if (files_.empty())
      throw Error(
          fmt::format("source {}: {}: none of the {} files there matches include and exclude;"
                      " wanted at least one file",
                      name_, fmt::join(config.paths, ", "), seen_),
          "widen include, or name the files in paths");
    return std::move(files_);
  }

 private:
  // "data/**/*.txt": walks the longest folder without a pattern and matches what is below.
  void add_pattern(const std::string& path) {
    fs::path base, rest;
    for (const fs::path& part : fs::path(path))
      (rest.empty() && !is_pattern(part.string()) ? base : rest) /= part;
    if (base.empty()) base = ".";
    std::error_code error;
    if (!fs::is_directory(base, error))
      throw Error(fmt::format("source {}: {}: no such folder (of the pattern {})", name_,
                              base.string(), path),
                  "check paths for a typing error");
    const size_t before = files_.size();
    // "./" keeps a pattern such as "*.txt" to the folder itself.
    walk(base, {Glob("./" + rest.string())});
    require(files_.size() > before, "source ", name_, ": ", path,
            ": no file matches this pattern; wanted at least one");
  }

  void walk(const fs::path& root, const std::vector<Glob>& wanted) {
    std::vector<fs::directory_entry> found;
    std::error_code error;
    auto it = fs::recursive_directory_iterator(root, error);
    for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      const bool hidden = it->path().filename().string().starts_with('.');
      if (it->is_directory() && (hidden || any_matches(exclude_, relative(it->path(), root))))
        it.disable_recursion_pending();
      else if (!hidden && it->is_regular_file())
        found.push_back(*it);
    }
    if (error)
      throw Error(fmt::format("source {}: {}: cannot list the folder: {}", name_, root.string(),
                              error.message()),
                  "check who may read it: ls -ld " + root.string());
    std::sort(found.begin(), found.end());
    for (const fs::directory_entry& entry : found) consider(entry, root, wanted);
  }

  void consider(const fs::directory_entry& entry, const fs::path& root,
                const std::vector<Glob>& wanted) {
    ++seen_;
    const std::string below = relative(entry.path(), root);
    if (!wanted.empty() && !any_matches(wanted, below)) return;
    if (any_matches(exclude_, below)) return;
    if (!taken_.insert(entry.path().lexically_normal().string()).second) return;
    const auto modified = entry.last_write_time().time_since_epoch();
    files_.push_back({entry.path(), root, static_cast<int64_t>(entry.file_size()),
                      std::chrono::duration_cast<std::chrono::nanoseconds>(modified).count()});
  }

  static std::string relative(const fs::path& path, const fs::path& root) {
    return path.lexically_relative(root.empty() ? fs::path(".") : root).string();
  }

  const std::string& name_;
  std::vector<Glob> include_, exclude_;
  bool choosy_;
  std::set<std::string> taken_;
  std::vector<InputFile> files_;
  int64_t seen_ = 0;
};

}  // namespace

std::vector<InputFile> list_files(const SourceConfig& config, const std::string& name) {
  if (config.paths.empty())
    throw Error("source " + name + ": paths is empty; wanted at least one file or folder",
                "set paths = [\"folder\"] in this source");
  Listing listing(config, name);
  for (const std::string& path : config.paths) listing.add(path);
  return listing.finish(config);
}

}  // namespace lineage
