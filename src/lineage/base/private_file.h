#pragma once

#include <string_view>

#include "lineage/base/file.h"

namespace lineage {

// Files of what people wrote: nobody but the owner of the process reads them. Every failure throws
// an Error with the path, the system's message and a hint.

// Makes the folder with mode 0700, and those above it as usual.
void make_private_folder(const fs::path&);

// Writes a file of mode 0600: a reader sees all of it or none. What was there is replaced.
void write_private_file(const fs::path&, std::string_view bytes);

// Adds a line to a file of mode 0600, made where it is absent, and returns once it is on the disk.
// Several processes may do so at once. A line that does not fit on the disk leaves no part of it,
// and one that an earlier crash cut off is ended, so that it is one bad line and no more.
void append_private_line(const fs::path&, std::string_view line);

}  // namespace lineage
