#include "lineage/data/sources/http_message.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "lineage/data/blanks.h"
#include "lineage/data/sources/ascii.h"

namespace lineage {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return ascii_lower(x) == ascii_lower(y);
         });
}

// size in hexadecimal, CRLF, that many bytes, CRLF, …, 0. Crawlers often join the chunks and keep
// the header: then the body does not parse as chunks and is taken as it is.
std::optional<std::string> joined_chunks(std::string_view body) {
  std::string out;
  while (!body.empty()) {
    size_t size = 0;
    const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), size, 16);
    if (error != std::errc()) return std::nullopt;
    if (size == 0) return out;
    const size_t line = body.find('\n', static_cast<size_t>(end - body.data()));
    if (line == std::string_view::npos || size > body.size() - line - 1) return std::nullopt;
    out += body.substr(line + 1, size);
    body.remove_prefix(line + 1 + size);
    if (body.starts_with("\r\n")) body.remove_prefix(2);
  }
  return out;
}

// gzip, or deflate with or without its zlib header (`window` as for inflateInit2).
std::optional<std::string> inflated(std::string_view packed, int window, size_t limit) {
  z_stream z = {};
  if (::inflateInit2(&z, window) != Z_OK) return std::nullopt;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() <= limit) {
    const size_t done = out.size();
    out.resize(done + std::max<size_t>(packed.size() * 2, 4096));
    z.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    z.avail_out = static_cast<uInt>(out.size() - done);
    status = ::inflate(&z, Z_NO_FLUSH);
    out.resize(out.size() - z.avail_out);
  }
  ::inflateEnd(&z);
  if (status != Z_STREAM_END || out.size() > limit) return std::nullopt;
  return out;
}

std::optional<std::string> unpacked(std::string_view body, std::string_view encoding,
                                    size_t limit) {
  if (encoding == "gzip" || encoding == "x-gzip") {
    if (!body.starts_with("\x1f\x8b")) return std::string(body);  // the crawler unpacked it
    return inflated(body, 15 + 16, limit);
  }
  if (encoding == "deflate") {
    auto out = inflated(body, 15, limit);
    return out ? out : inflated(body, -15, limit);
  }
  if (encoding.empty() || encoding == "identity") return std::string(body);
  return std::nullopt;
}

void set_content_type(std::string_view value, HttpResponse& response) {
  response.media_type = ascii_lower(trimmed(value.substr(0, value.find(';'))));
  const std::string all = ascii_lower(value);
  const size_t at = all.find("charset=");
  if (at == std::string::npos) return;
  const std::string_view rest = std::string_view(all).substr(at + 8);
  response.charset = trimmed(rest.substr(0, rest.find(';')));
  std::erase_if(response.charset, [](char c) { return c == '"' || c == '\''; });
}

}  // namespace

std::string_view header_value(std::string_view headers, std::string_view name) {
  while (!headers.empty()) {
    const size_t end = std::min(headers.find('\n'), headers.size() - 1);
    const std::string_view line = headers.substr(0, end + 1);
    headers.remove_prefix(end + 1);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && same_name(trimmed(line.substr(0, colon)), name))
      return trimmed(line.substr(colon + 1));
  }
  return {};
}

HttpResponse parse_http(std::string_view message, size_t limit) {
  HttpResponse response;
  const size_t space = message.find(' ');
  if (!message.starts_with("HTTP/") || space > 16) return response;
  std::from_chars(message.data() + space + 1, message.data() + message.size(), response.status);
  size_t end = message.find("\r\n\r\n"), gap = 4;
  if (end == std::string_view::npos) end = message.find("\n\n"), gap = 2;
  if (end == std::string_view::npos) return response;
  const std::string_view headers = message.substr(0, end);
  std::string body(message.substr(end + gap));
  set_content_type(header_value(headers, "content-type"), response);
  if (ascii_lower(header_value(headers, "transfer-encoding")).find("chunked") != std::string::npos)
    if (auto joined = joined_chunks(body)) body = std::move(*joined);
  auto plain = unpacked(body, ascii_lower(header_value(headers, "content-encoding")), limit);
  response.readable = plain.has_value();
  if (plain) response.body = std::move(*plain);
  return response;
}

}  // namespace lineage
