#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/data/source_config.h"

namespace lineage {

// Whether a reader makes sense of a file whose (unpacked) content begins so.
bool readable(SourceKind, std::string_view first_bytes);

// As a reason to leave a file out, in a provenance record: "Parquet file", "UTF-16 text", "binary".
std::string_view reason_of(FileKind);

// "a.parquet: is a Parquet file; wanted JSON lines or a JSON array", with the command that helps.
Error unreadable(SourceKind, const std::filesystem::path&, FileKind);

// Throws unreadable() where the reader makes nothing of the file; opens it.
void check_readable(SourceKind, const std::filesystem::path&);

}  // namespace lineage
