#include "lineage/data/sources/warc_source.h"

#include <fmt/format.h>

#include <charconv>

#include "lineage/base/error.h"
#include "lineage/data/charset.h"
#include "lineage/data/sources/html_text.h"
#include "lineage/data/sources/http_message.h"

namespace lineage {
namespace {

constexpr size_t kMaxHeaders = 1 << 20;

[[noreturn]] void fail(const InputFile& file, int64_t offset, const std::string& seen,
                       const char* wanted) {
  throw Error(
      fmt::format("{}: record at byte {}: {}; wanted {}", file.path.string(), offset, seen, wanted),
      "fetch the file again, or leave it out with exclude");
}

// The printable form, for a log, of bytes that should have been text.
std::string shown(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, 40)) out += c >= ' ' && c < 0x7F ? c : '?';
  return "'" + out + "'";
}

struct Record {
  int64_t offset = 0;
  size_t length = 0;
  std::string headers;
};

// The header block of the next record, with the empty lines before it; false at the end.
bool read_headers(Reader& reader, const InputFile& file, Record& record) {
  std::string line;
  do {
    line.clear();
    record.offset = reader.offset();
    if (!reader.line(line, kMaxHeaders)) return false;
  } while (line == "\r\n" || line == "\n");
  if (!line.starts_with("WARC/"))
    fail(file, record.offset, "it begins with " + shown(line), "WARC/1.0 or WARC/1.1");
  while (line != "\r\n" && line != "\n") {
    record.headers += line;
    line.clear();
    if (!reader.line(line, kMaxHeaders) || record.headers.size() > kMaxHeaders)
      fail(file, record.offset, "its header does not end", "an empty line after the header");
  }
  const std::string_view length = header_value(record.headers, "content-length");
  const auto [end, error] =
      std::from_chars(length.data(), length.data() + length.size(), record.length);
  if (length.empty() || error != std::errc() || end != length.data() + length.size())
    fail(file, record.offset, "Content-Length is " + shown(length), "a number of bytes");
  return true;
}

}  // namespace

bool WarcSource::read_document(Reader& reader, const InputFile& file, RawDocument& document) {
  for (;;) {
    Record record;
    if (!read_headers(reader, file, record)) return false;
    const std::string_view type = header_value(record.headers, "warc-type");
    document.http = type == "response";
    const bool wanted = document.http || type == "conversion";
    const bool fits = record.length <= 4 * limit() + kMaxHeaders;
    document.offset = reader.offset();
    const size_t got =
        wanted && fits ? reader.take(document.text, record.length) : reader.skip(record.length);
    if (got < record.length)
      fail(file, record.offset,
           fmt::format("{} of {} bytes are left in the file", got, record.length),
           "the whole record");
    if (!wanted) continue;
    const std::string_view uri = header_value(record.headers, "warc-target-uri");
    document.place =
        fmt::format("{}: record at byte {} ({})", file.path.string(), record.offset, uri);
    if (!fits) document.dropped = dropped::kTooLarge;
    return true;
  }
}

void WarcSource::extract(RawDocument& document) const {
  bool html = false;
  std::string charset;
  if (document.http) {
    HttpResponse response = parse_http(document.text, 4 * limit() + kMaxHeaders);
    const std::string& type = response.media_type;
    html = type == "text/html" || type == "application/xhtml+xml" || type.empty();
    if (response.status != 200)
      document.dropped = dropped::kHttpStatus;
    else if (!html && type != "text/plain")
      document.dropped = dropped::kMediaType;
    else if (!response.readable)
      document.dropped = dropped::kEncoding;
    if (!document.dropped.empty()) return;
    document.text = std::move(response.body);
    charset = response.charset.empty() && html ? html_charset(document.text) : response.charset;
  }
  if (document.text.find('\0') != std::string::npos) {
    document.dropped = dropped::kBinary;
    return;
  }
  decode(charset, document);
  if (!document.dropped.empty()) return;
  if (html) document.text = text_of_html(document.text);
  if (document.text.size() > limit()) document.dropped = dropped::kTooLarge;
}

// Pages without a charset are taken for UTF-8, or for Windows-1252 when they are not valid.
void WarcSource::decode(std::string_view charset, RawDocument& document) const {
  const bool western = charset == "iso-8859-1" || charset == "windows-1252" ||
                       charset == "latin1" || charset == "cp1252";
  // Valid UTF-8 is UTF-8, whatever its label.
  if (first_invalid_utf8(document.text) == std::string_view::npos) return;
  if (western || (charset.empty() && document.http))
    document.text = utf8_of_windows_1252(document.text);
  else if (charset.empty() || charset == "utf-8" || charset == "utf8" || charset == "us-ascii")
    check_utf8(document);
  else
    document.dropped = dropped::kCharset;
}

}  // namespace lineage
