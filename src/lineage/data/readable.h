#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "lineage/base/error.h"
#include "lineage/base/file_kind.h"
#include "lineage/data/source_config.h"

namespace lineage {

// Whether a reader can read a file whose (unpacked) content begins with these bytes.
bool readable(SourceKind, std::string_view first_bytes);

// As a reason to leave a file out, in a provenance record: "Parquet file", "UTF-16 text", "binary".
std::string_view reason_of(FileKind);

// "a.parquet: is a Parquet file; wanted JSON lines or a JSON array", with a command that helps.
Error unreadable(SourceKind, const std::filesystem::path&, FileKind);

// Opens the file; throws unreadable() if the reader cannot read it.
void check_readable(SourceKind, const std::filesystem::path&);

}  // namespace lineage
