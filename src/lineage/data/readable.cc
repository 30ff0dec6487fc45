#include "lineage/data/readable.h"

#include <fmt/format.h>

#include "lineage/data/stream.h"

namespace lineage {
namespace {

std::string_view wanted_by(SourceKind kind) {
  switch (kind) {
    case SourceKind::text:
      return "UTF-8 text, plain or packed by gzip or zstd";
    case SourceKind::code:
      return "UTF-8 text";
    case SourceKind::jsonl:
      return "JSON lines or a JSON array, plain or packed by gzip or zstd";
    case SourceKind::warc:
      return "WARC, plain or packed by gzip or zstd";
  }
  return "";
}

// A code file is never unpacked.
Packed packed_of(SourceKind kind) {
  return kind == SourceKind::code ? Packed::as_is : Packed::unpack;
}

}  // namespace

bool readable(SourceKind reader, std::string_view first_bytes) {
  const FileKind kind = file_kind(first_bytes);
  // A WARC file holds any kind of content, and text without a first record is a damaged WARC file.
  if (reader == SourceKind::warc) return first_bytes.starts_with("WARC/") || is_text(kind);
  if (reader != SourceKind::jsonl) return is_text(kind);
  // One damaged record does not make binary data of the file.
  if (kind == FileKind::binary) return first_bytes.starts_with('{') || first_bytes.starts_with('[');
  return is_text(kind) && kind != FileKind::csv && kind != FileKind::html;
}

std::string_view reason_of(FileKind kind) {
  if (kind == FileKind::binary) return "binary";
  std::string_view name = file_kind_name(kind);
  for (const std::string_view article : {"a ", "an "})
    if (name.starts_with(article))
      return name.substr(article.size(), name.find(',') - article.size());
  return name;
}

Error unreadable(SourceKind reader, const std::filesystem::path& path, FileKind kind) {
  std::string help = file_kind_help(kind, path.string());
  return Error(
      fmt::format("{}: is {}; wanted {}", path.string(), file_kind_name(kind), wanted_by(reader)),
      help.empty() ? "leave it out of paths" : std::move(help));
}

void check_readable(SourceKind reader, const std::filesystem::path& path) {
  Reader file(open_stream(path, packed_of(reader)));
  const std::string_view head = file.peek_bytes(kFileKindBytes);
  if (!readable(reader, head)) throw unreadable(reader, path, file_kind(head));
}

}  // namespace lineage
