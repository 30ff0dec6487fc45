#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lineage/data/source_config.h"

namespace lineage {

struct InputFile {
  std::filesystem::path path;
  std::filesystem::path root;  // the folder that the config named; the file's own otherwise
  int64_t size = 0;            // bytes
  int64_t modified = 0;        // nanoseconds of the file system's clock
};

// The files of a source, in the order in which they are read: path by path of the config, each
// sorted by name, none twice. Hidden files and folders are left out and links to folders not
// followed. An Error when a path is missing, unreadable, or when nothing matches.
std::vector<InputFile> list_files(const SourceConfig&, const std::string& name);

}  // namespace lineage
