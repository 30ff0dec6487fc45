#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lineage/base/file.h"

namespace lineage {

// Functions that make, check and clear folders. Files on a user's disk are removed and replaced
// here alone (tools/check_layers.py holds the other sources to that): the caller says how to
// recognise Lineage's files, and all others stay.

// Makes it with the folders above it; an Error names the path and has a hint.
void create_folders(const fs::path&);

// Whether the file at a path relative to the folder was written by Lineage.
using IsOurs = std::function<bool(const fs::path& relative)>;

// Removes files, links and empty folders below `folder` that are ours; the folder itself stays, and
// so do foreign files, the folders that contain them, and every ".lock". Links are never followed.
// The caller is the only writer there: it holds the folder's lock.
void remove_ours(const fs::path& folder, const IsOurs&);

// The same, and the folder itself with its ".lock" when nothing else is left there. False:
// something stays. Does nothing if the path is a link to a folder.
bool remove_folder_of_ours(const fs::path& folder, const IsOurs&);

// Bytes of the files below `folder` that remove_ours() would remove.
int64_t bytes_of_ours(const fs::path& folder, const IsOurs&);

// The first file, link or empty folder at `at`, or below it, that is not ours, relative to
// `folder`; empty: there is none.
fs::path first_foreign(const fs::path& folder, const fs::path& at, const IsOurs&);

// Makes `link` a symbolic link to the folder `target`, by a relative path, in place of an earlier
// link to something in the same folder. Several processes may do so at once. An Error when
// something else is there.
void replace_link(const fs::path& link, const fs::path& target);
// Removes the links in `folder` to something in the folder `targets`, except those to keep.
void remove_links(const fs::path& folder, const fs::path& targets,
                  const std::function<bool(const std::string& name)>& keep);

// An Error unless a folder that can be written to is at the path, or can be made there as far as is
// known. Makes nothing. `option` is its name: "--out".
void check_writable_folder(const fs::path&, std::string_view option);
// The same for a file: its folder can be written to, and it is not a folder itself.
void check_writable_file(const fs::path&, std::string_view option);

// An Error when one of two folders is or contains the other; `from` is read, `to` written.
void check_apart(const fs::path& from, const fs::path& to);

}  // namespace lineage
