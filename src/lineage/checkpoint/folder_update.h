#pragma once

#include <string>
#include <string_view>

#include "lineage/base/folder.h"

namespace lineage {

// Replaces several files of a folder at once; all others stay. The new files are written into
// folder/.lineage-incoming; commit() renames that to folder/.lineage-committed, which is the one
// moment when the new files replace the old, moves them into the folder, and removes our old files
// that are not among them. A reader goes through current_file(), so it sees all the old files or
// all the new ones, at whatever moment a writer was killed; the next writer completes the moves.
//
//   FolderUpdate update(folder);
//   write_file_atomic(update.staging() / "a.json", ...);
//   update.commit();
//
// One writer at a time: a second one gets an Error.
class FolderUpdate {
 public:
  // `ours` recognises the files of an earlier update; nothing else is replaced.
  explicit FolderUpdate(
      fs::path folder, IsOurs ours = [](const fs::path&) { return false; });
  ~FolderUpdate();  // without a commit() the folder is as it was
  FolderUpdate(const FolderUpdate&) = delete;
  FolderUpdate& operator=(const FolderUpdate&) = delete;

  const fs::path& staging() const { return staging_; }
  // `last` is moved after all others, so that a reader who finds it by its plain path finds the
  // others in place. A folder in staging() replaces the whole old one. An Error, before anything is
  // changed, when a foreign file is in the place of a new one.
  void commit(const std::string& last);

 private:
  void check_places() const;

  fs::path folder_, staging_;
  IsOurs ours_;
  int lock_ = -1;
};

// The first name in the folder except those of a killed FolderUpdate; empty: there is none.
std::string first_name_in(const fs::path& folder);

// Where the file `name` ("manifest.json", "huggingface/config.json") is at this moment.
fs::path current_file(const fs::path& folder, const std::string& name);

// Makes creations, renames and removals in the folder survive a power cut.
void sync_folder(const fs::path&);

}  // namespace lineage
