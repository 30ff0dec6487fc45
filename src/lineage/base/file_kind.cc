#include "lineage/base/file_kind.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace lineage {
namespace {

using std::literals::operator""sv;

struct Signature {
  size_t at;
  std::string_view bytes;
  FileKind kind;
};

// From the formats' own specifications.
constexpr std::array kSignatures = {
    Signature{0, "\x1F\x8B"sv, FileKind::gzip},
    Signature{0, "\x28\xB5\x2F\xFD"sv, FileKind::zstd},
    Signature{0, "BZh"sv, FileKind::bzip2},
    Signature{0,
              "\xFD"
              "7zXZ\0"sv,
              FileKind::xz},
    Signature{0, "\x04\x22\x4D\x18"sv, FileKind::lz4},
    Signature{0, "PK\x03\x04"sv, FileKind::zip},
    Signature{0, "PK\x05\x06"sv, FileKind::zip},
    Signature{257, "ustar"sv, FileKind::tar},
    Signature{0, "7z\xBC\xAF\x27\x1C"sv, FileKind::seven_zip},
    Signature{0, "PAR1"sv, FileKind::parquet},
    Signature{0, "ARROW1"sv, FileKind::arrow},
    Signature{0, "\xFF\xFF\xFF\xFF"sv, FileKind::arrow},
    Signature{0, "\x89HDF\r\n\x1A\n"sv, FileKind::hdf5},
    Signature{0, "\x93NUMPY"sv, FileKind::numpy},
    Signature{0, "SQLite format 3\0"sv, FileKind::sqlite},
    Signature{0, "GGUF"sv, FileKind::gguf},
    Signature{0, "%PDF-"sv, FileKind::pdf},
    Signature{0, "\x89PNG"sv, FileKind::image},
    Signature{0, "\xFF\xD8\xFF"sv, FileKind::image},
    Signature{0, "GIF8"sv, FileKind::image},
    Signature{0, "version https://git-lfs.github.com/spec/"sv, FileKind::git_lfs},
    Signature{0, "\xFF\xFE\0\0"sv, FileKind::utf32},
    Signature{0, "\0\0\xFE\xFF"sv, FileKind::utf32},
    Signature{0, "\xFF\xFE"sv, FileKind::utf16},
    Signature{0, "\xFE\xFF"sv, FileKind::utf16},
};

bool has(std::string_view bytes, const Signature& s) {
  return bytes.size() >= s.at && bytes.substr(s.at).starts_with(s.bytes);
}

// Pickle from protocol 2 on: PROTO, its number, and an opcode that a pickle may begin with.
bool is_pickle(std::string_view b) {
  return b.size() > 3 && b[0] == '\x80' && b[1] >= 2 && b[1] <= 5 &&
         ("}](cXKM\x8A\x95"sv.find(b[2]) != std::string_view::npos);
}

// Eight bytes of a length below 4 GiB, then the JSON header.
bool is_safetensors(std::string_view b) {
  return b.size() > 9 && b.substr(4, 4) == "\0\0\0\0"sv && b[8] == '{' &&
         (b[9] == '"' || b[9] == '}');
}

// Text of mostly Latin script without a mark: every other byte is NUL.
bool is_unmarked_utf16(std::string_view b) {
  size_t pairs = b.size() / 2, even = 0, odd = 0;
  for (size_t i = 0; i < pairs; ++i) {
    even += b[2 * i] == 0 && b[2 * i + 1] != 0;
    odd += b[2 * i] != 0 && b[2 * i + 1] == 0;
  }
  return pairs >= 2 && 10 * std::max(even, odd) >= 9 * pairs;
}

std::string_view without_leading_blanks(std::string_view b) {
  const size_t first = b.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view{} : b.substr(first);
}

bool is_html(std::string_view b) {
  std::string begin(b.substr(0, 14));
  std::ranges::transform(begin, begin.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const std::string_view tag : {"<!doctype html"sv, "<html"sv, "<head"sv, "<body"sv})
    if (begin.starts_with(tag)) return true;
  return false;
}

// The end of the object that `b` begins with, counting braces outside strings; npos if it continues
// beyond `b`.
size_t object_end(std::string_view b) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < b.size(); ++i) {
    const char c = b[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

// An object that closes, or is cut by the end of the bytes, in its first line.
FileKind object_kind(std::string_view b) {
  const size_t line = b.find('\n'), end = object_end(b);
  if (line == std::string_view::npos) return FileKind::json_object;
  return end < line ? FileKind::json_object : FileKind::json_pretty;
}

// The fields of a line, quotes kept whole (RFC 4180).
size_t fields_of(std::string_view line, char separator) {
  size_t count = 1;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    count += c == separator && !quoted;
  }
  return quoted ? 0 : count;
}

// Prose has commas too, but hardly the same number in each of its first lines, with no blank after
// one in the first.
bool is_csv(std::string_view b) {
  constexpr size_t kLines = 3, kFewest = 2;
  for (const char separator : {',', '\t'}) {
    size_t lines = 0, fields = 0;
    std::string_view rest = b;
    for (size_t end; lines < kLines && (end = rest.find('\n')) != std::string_view::npos;
         rest.remove_prefix(end + 1)) {
      const size_t count = fields_of(rest.substr(0, end), separator);
      if (count < kFewest || (fields && count != fields)) {
        fields = 0;
        break;
      }
      fields = count;
      ++lines;
    }
    const std::string_view head = b.substr(0, b.find('\n'));
    if (fields >= kFewest && lines >= kFewest && head.find(", ") == std::string_view::npos)
      return true;
  }
  return false;
}

}  // namespace

FileKind file_kind(std::string_view b) {
  if (b.empty()) return FileKind::empty;
  b = b.substr(0, kFileKindBytes);
  for (const Signature& s : kSignatures)
    if (has(b, s)) return s.kind;
  if (is_pickle(b)) return FileKind::pickle;
  if (is_safetensors(b)) return FileKind::safetensors;
  if (b.find('\0') != std::string_view::npos)
    return is_unmarked_utf16(b) ? FileKind::utf16 : FileKind::binary;
  const std::string_view text = without_leading_blanks(b.substr(byte_order_mark(b)));
  if (text.starts_with('[')) {
    const std::string_view inside = without_leading_blanks(text.substr(1));
    if (inside.empty() || "{[]\"-0123456789tfn"sv.find(inside[0]) != std::string_view::npos)
      return FileKind::json_array;
  }
  if (text.starts_with('{')) {
    const std::string_view inside = without_leading_blanks(text.substr(1));
    if (inside.empty() || inside[0] == '"' || inside[0] == '}') return object_kind(text);
  }
  if (is_html(text)) return FileKind::html;
  if (is_csv(text)) return FileKind::csv;
  return FileKind::text;
}

bool is_text(FileKind kind) {
  switch (kind) {
    case FileKind::empty:
    case FileKind::text:
    case FileKind::json_object:
    case FileKind::json_pretty:
    case FileKind::json_array:
    case FileKind::csv:
    case FileKind::html:
      return true;
    default:
      return false;
  }
}

std::string_view file_kind_name(FileKind kind) {
  switch (kind) {
    case FileKind::empty:
      return "empty";
    case FileKind::text:
      return "text";
    case FileKind::json_object:
      return "JSON lines";
    case FileKind::json_pretty:
      return "a JSON object over several lines";
    case FileKind::json_array:
      return "one JSON array";
    case FileKind::csv:
      return "a table of comma- or tab-separated values";
    case FileKind::html:
      return "an HTML page";
    case FileKind::git_lfs:
      return "a Git LFS pointer, not the file itself";
    case FileKind::utf16:
      return "UTF-16 text";
    case FileKind::utf32:
      return "UTF-32 text";
    case FileKind::gzip:
      return "packed by gzip";
    case FileKind::zstd:
      return "packed by zstd";
    case FileKind::bzip2:
      return "packed by bzip2";
    case FileKind::xz:
      return "packed by xz";
    case FileKind::lz4:
      return "packed by lz4";
    case FileKind::zip:
      return "a zip archive";
    case FileKind::tar:
      return "a tar archive";
    case FileKind::seven_zip:
      return "a 7-Zip archive";
    case FileKind::parquet:
      return "a Parquet file";
    case FileKind::arrow:
      return "an Arrow file";
    case FileKind::hdf5:
      return "an HDF5 file";
    case FileKind::numpy:
      return "a NumPy array";
    case FileKind::pickle:
      return "a Python pickle";
    case FileKind::sqlite:
      return "an SQLite database";
    case FileKind::gguf:
      return "a GGUF model";
    case FileKind::safetensors:
      return "a safetensors file";
    case FileKind::pdf:
      return "a PDF document";
    case FileKind::image:
      return "an image";
    case FileKind::binary:
      return "binary data";
  }
  return "";
}

std::string file_kind_help(FileKind kind, std::string_view path) {
  const std::string file(path);
  const auto pandas = [&](std::string_view reader) {
    return "convert it: python3 -c \"import pandas; pandas." + std::string(reader) + "('" + file +
           "').to_json('out.jsonl', orient='records', lines=True)\"";
  };
  switch (kind) {
    case FileKind::json_pretty:
      return "write one object a line: jq -c . " + file + " > out.jsonl";
    case FileKind::json_array:
      return "write one object a line: jq -c '.[]' " + file + " > out.jsonl";
    case FileKind::csv:
      return pandas("read_csv");
    case FileKind::html:
      return "download the file itself; this is the page about it, or an error page";
    case FileKind::git_lfs:
      return "fetch its content: git lfs pull";
    case FileKind::utf16:
      return "convert it: iconv -f UTF-16 -t UTF-8 " + file + " > out.txt";
    case FileKind::utf32:
      return "convert it: iconv -f UTF-32 -t UTF-8 " + file + " > out.txt";
    case FileKind::gzip:
      return "unpack it: gunzip -c " + file + " > out";
    case FileKind::zstd:
      return "unpack it: zstd -dc " + file + " > out";
    case FileKind::bzip2:
      return "unpack it: bunzip2 -c " + file + " > out";
    case FileKind::xz:
      return "unpack it: xz -dc " + file + " > out";
    case FileKind::lz4:
      return "unpack it: lz4 -dc " + file + " > out";
    case FileKind::zip:
      return "unpack it: unzip " + file;
    case FileKind::tar:
      return "unpack it: tar -xf " + file;
    case FileKind::seven_zip:
      return "unpack it: 7z x " + file;
    case FileKind::parquet:
      return pandas("read_parquet");
    case FileKind::arrow:
      return pandas("read_feather");
    default:
      return {};
  }
}

}  // namespace lineage
