#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lineage {

// The kind of a file, by its content; its name is ignored.
enum class FileKind : uint8_t {
  empty,
  text,         // none of the kinds below
  json_object,  // text whose first line is one whole JSON object: JSON lines
  json_pretty,  // text that begins with an object of several lines
  json_array,   // text that begins with an array
  csv,          // two or more lines with as many fields, split by commas or tabs
  html,
  git_lfs,  // a Git LFS pointer: the content was never fetched
  utf16,    // little or big endian, with or without a byte-order mark
  utf32,
  gzip,
  zstd,
  bzip2,
  xz,
  lz4,
  zip,  // also PyTorch checkpoints, NumPy archives and office documents
  tar,
  seven_zip,
  parquet,
  arrow,  // IPC files and streams, as datasets' save_to_disk() writes
  hdf5,
  numpy,
  pickle,  // also PyTorch checkpoints before 1.6
  sqlite,
  gguf,
  safetensors,
  pdf,
  image,
  binary,  // holds NUL bytes, and none of the kinds above
};

// Judges by the first bytes of a file; a few thousand are enough. A UTF-8 byte-order mark is
// skipped. A file cut short in the middle of a record has the kind of the record's beginning.
FileKind file_kind(std::string_view first_bytes);

// Text of some form (JSON, a table, a page), or nothing at all: no packed or binary format, and no
// pointer in place of the file.
bool is_text(FileKind);

// The number of first bytes to give file_kind(), if the file has as many.
constexpr size_t kFileKindBytes = 4096;

// "a Parquet file", "packed by xz", "one JSON array", "UTF-16 text": the words after "is ".
std::string_view file_kind_name(FileKind);

// The command or edit that turns `path` of this kind into plain text or JSON lines; "" if none is
// needed or known.
std::string file_kind_help(FileKind, std::string_view path);

// The length of the UTF-8 byte-order mark that `text` begins with: 3 or 0. The mark is not text.
constexpr size_t byte_order_mark(std::string_view text) {
  return text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
}

}  // namespace lineage
