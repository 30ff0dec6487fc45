#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "lineage/http/http.h"

namespace lineage {

// Reads requests from bytes, however these are split: the same bytes give the same requests and the
// same fault. No sockets, no clock. Of the HttpLimits, those of header_bytes, header_fields and
// body_bytes hold.
//
// Strict where two readers could disagree about where a request ends (request smuggling; RFC 9112,
// section 11.2): one Content-Length of digits alone, or `Transfer-Encoding: chunked` alone; lines
// end in CRLF; no folded lines; one Host. An upper bound holds for everything that is kept.
class RequestReader {
 public:
  explicit RequestReader(const HttpLimits&);
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  // Takes bytes and returns how many it has used: all, unless a request is complete or at fault.
  size_t feed(std::string_view bytes);

  enum class State {
    empty,     // no byte of a request yet
    header,    // a part of its headers
    body,      // all of its headers, and a part of its body
    complete,  // take() it
    fault,     // no request can be read any more
  };
  State state() const;

  // In `body`: the client waits for "100 Continue" before it sends the body, of which there is no
  // byte yet.
  bool wants_continue() const;
  // In `complete`: the client would send more requests on this connection.
  bool keep_alive() const;
  // In `complete`: the request (without its peer). The next byte begins another.
  HttpRequest take();

  struct Fault {
    int status = 0;       // 400, 413, 417, 431, 501 or 505
    std::string message;  // for the client
  };
  const Fault& fault() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lineage
