// Hostile bytes through the reader of HTTP requests. The first four bytes choose the limits and
// where the rest is split: read whole and in parts, it must give the same requests and the same
// fault, and what is accepted obeys the limits.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lineage/http/request_reader.h"

namespace {

using lineage::HttpLimits;
using lineage::HttpRequest;
using lineage::RequestReader;

void check(bool ok) {
  if (!ok) std::abort();
}

void check_limits(const HttpRequest& request, const HttpLimits& limits) {
  check(static_cast<int64_t>(request.body.size()) <= limits.body_bytes);
  check(static_cast<int64_t>(request.headers.size()) <= limits.header_fields);
  check(request.version == 10 || request.version == 11);
  check(!request.method.empty() && !request.target.empty());
  for (const char c : request.target) check(c > 0x20 && c < 0x7f);
  size_t bytes = request.method.size() + request.target.size();
  for (const auto& [name, value] : request.headers) {
    bytes += name.size() + value.size();
    for (const char c : name) check(c > 0x20 && c < 0x7f && c != ':' && !(c >= 'A' && c <= 'Z'));
    check(value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos);
  }
  check(static_cast<int64_t>(bytes) <= limits.header_bytes);
}

// All that can be seen of the reader, with at most `first`, then arbitrary numbers of bytes at
// once.
std::string read(std::string_view bytes, const HttpLimits& limits, size_t first, uint32_t random) {
  std::string seen;
  RequestReader reader(limits);
  size_t part = first;
  while (!bytes.empty()) {
    const size_t given = part < bytes.size() ? part : bytes.size();
    const size_t used = reader.feed(bytes.substr(0, given));
    check(used <= given);
    bytes.remove_prefix(used);
    if (reader.state() == RequestReader::State::complete) {
      const bool keep_alive = reader.keep_alive();
      const HttpRequest request = reader.take();
      check_limits(request, limits);
      seen += request.method + ' ' + request.target + ' ' + std::to_string(request.version) + '\n';
      for (const auto& [name, value] : request.headers) seen += name + '=' + value + '\n';
      seen += request.body + '\n' + std::to_string(bytes.size()) + (keep_alive ? " on\n" : "\n");
    } else if (reader.state() == RequestReader::State::fault) {
      check(reader.feed(bytes) == 0);
      seen += std::to_string(reader.fault().status) + ' ' + reader.fault().message;
      return seen + std::to_string(bytes.size());
    } else {
      check(used == given);
    }
    if (first != SIZE_MAX) {
      random = random * 1664525 + 1013904223;
      part = 1 + (random >> 24) % 16;
    }
  }
  return seen + std::to_string(static_cast<int>(reader.state()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const HttpLimits limits = {
      .header_bytes = 64 + 4 * data[0], .header_fields = 1 + data[1] % 16, .body_bytes = data[2]};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 4, size - 4);
  const std::string whole = read(bytes, limits, SIZE_MAX, 0);
  check(read(bytes, limits, 1 + data[3] % 64, data[3]) == whole);
  return 0;
}
