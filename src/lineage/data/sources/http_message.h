#pragma once

#include <string>
#include <string_view>

namespace lineage {

// The value of a header in a block of "Name: value" lines, without case; "" when absent.
std::string_view header_value(std::string_view headers, std::string_view name);

struct HttpResponse {
  int status = 0;
  std::string media_type, charset;  // lower case, of Content-Type
  std::string body;                 // chunks joined, gzip and deflate unpacked
  bool readable = false;            // false: not HTTP, or a body in an unsupported encoding
};

// RFC 9112, as crawlers store it. Never throws: a damaged response is unreadable. A body that
// unpacks to more than `limit` bytes is unreadable too.
HttpResponse parse_http(std::string_view message, size_t limit);

}  // namespace lineage
