#include "lineage/http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace lineage {
namespace {

// What clients show; they go by the number.
constexpr std::array<std::pair<int, std::string_view>, 34> kReasons = {{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_token(std::string_view name) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || others.find(l) != others.npos;
  });
}

bool is_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

// "Sun, 06 Nov 1994 08:49:37 GMT": names by hand, since those of strftime follow the locale.
std::string http_date(std::time_t now) {
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm t{};
  ::gmtime_r(&now, &t);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[static_cast<size_t>(t.tm_wday)],
                     t.tm_mday, months[static_cast<size_t>(t.tm_mon)], 1900 + t.tm_year, t.tm_hour,
                     t.tm_min, t.tm_sec);
}

}  // namespace

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool lists_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    const size_t first = std::min(item.find_first_not_of(" \t"), item.size());
    item = item.substr(first, item.find_last_not_of(" \t") + 1 - first);
    if (equal_ignoring_case(item, word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::string_view reason_phrase(int status) {
  for (const auto& [number, phrase] : kReasons)
    if (number == status) return phrase;
  return "Status";
}

bool is_without_body(int status) { return status == 204 || status == 304; }

std::string response_head(int status, const HttpHeaders& headers, const HttpFraming& framing,
                          std::time_t now) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
  bool has_date = false;
  for (const auto& [name, value] : headers) {
    const bool framed_here = equal_ignoring_case(name, "content-length") ||
                             equal_ignoring_case(name, "transfer-encoding") ||
                             equal_ignoring_case(name, "connection");
    if (framed_here || !is_token(name) || !is_value(value)) continue;
    has_date |= equal_ignoring_case(name, "date");
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!has_date) head += "Date: " + http_date(now) + "\r\n";
  if (framing.chunked) head += "Transfer-Encoding: chunked\r\n";
  if (framing.length >= 0) head += fmt::format("Content-Length: {}\r\n", framing.length);
  if (framing.close)
    head += "Connection: close\r\n";
  else if (framing.keep_alive)
    head += "Connection: keep-alive\r\n";
  head += "\r\n";
  return head;
}

HttpResponse plain_fault(int status, const std::string& message) {
  const nlohmann::json body = {{"error", {{"message", message}}}};
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}},
          .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

}  // namespace lineage
