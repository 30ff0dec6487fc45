#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "lineage/http/http.h"

namespace lineage {

// The text of HTTP messages, without a connection.

// Whether the two are equal but for the case of ASCII letters.
bool equal_ignoring_case(std::string_view, std::string_view);

// Whether the comma-separated list has the word, in any case.
bool lists_word(std::string_view list, std::string_view word);

std::string_view reason_phrase(int status);

// Whether a response of this status has no body (RFC 9110, section 6.4.1): 204 and 304.
bool is_without_body(int status);

// What frames the body of a response.
struct HttpFraming {
  bool chunked = false;
  int64_t length = -1;      // -1: no Content-Length
  bool close = false;       // says `Connection: close`
  bool keep_alive = false;  // says `Connection: keep-alive`, which HTTP/1.0 clients want to hear
};

// Status line and headers with the empty line after them. See HttpResponse for the headers that are
// left out.
std::string response_head(int status, const HttpHeaders&, const HttpFraming&, std::time_t now);

// {"error":{"message":…}}
HttpResponse plain_fault(int status, const std::string& message);

}  // namespace lineage
