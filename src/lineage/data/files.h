#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lineage/data/source_config.h"

namespace lineage {

struct InputFile {
  std::filesystem::path path;
  std::filesystem::path root;  // the folder that the config named; the file's own otherwise
  int64_t size = 0;            // bytes
  int64_t modified = 0;        // nanoseconds of the file system's clock
  bool named = false;          // by the config itself, not found in a folder or by a pattern
};

struct FileList {
  std::vector<InputFile> files;
  // Files found that are not among them though no pattern excludes them, by reason: "links that
  // lead nowhere", "other files (*.md)".
  std::map<std::string, int64_t> passed_over{};
};

// The files of a source, in the order in which they are read: path by path of the config, each
// sorted by name, none twice, however many paths, patterns and links lead to it. Hidden files and
// folders are left out. Links to files and folders are followed, those to folders after the
// folder's own content, each folder once. An Error when a path is missing, unreadable or not of the
// source's kind, or when nothing matches.
FileList list_files(const SourceConfig&, const std::string& name);

}  // namespace lineage
