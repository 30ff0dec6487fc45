#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lineage {

// An HTTP/1.1 server: one thread does all reading and writing (epoll), and answers may be given
// from any other. It speaks plain HTTP; TLS is the work of a proxy before it.

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method, target;  // "POST", "/v1/models?x=1"; the target has visible ASCII alone
  int version = 11;            // 10 or 11
  HttpHeaders headers;         // names in lower case, values as they came, in their order
  std::string body;            // any bytes, without the framing of chunks
  std::string peer;            // "127.0.0.1"
  // The value of the first header of that (lower-case) name.
  std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;  // 200..599
  // The server adds Content-Length or Transfer-Encoding, Connection and Date; of these, a response
  // may have `Connection: close` and Date. A header with a name that is no token, or with a control
  // character in its value (CR and LF begin another header), is left out.
  HttpHeaders headers;
  std::string body;
};

// The answer to one request, given once, from any thread: whole by respond(), or begin(), any
// number of write(), finish(). No function blocks. After the client has gone all of them do
// nothing. One that is destroyed without an answer is answered 500; one that has begun and not
// finished cuts the connection, so that the client does not take a part for the whole.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  // Framed by Content-Length.
  virtual void respond(HttpResponse) = 0;
  // Framed by chunks. An HTTP/1.0 client gets the bytes alone, and the end is that of the
  // connection.
  virtual void begin(int status, HttpHeaders) = 0;
  // Pieces go out in their order; those that wait together are sent as one. An empty one is none.
  virtual void write(std::string piece) = 0;
  virtual void finish() = 0;
  // Called once, on the I/O thread, when the client has left (or closed its sending half), was cut
  // for reading too slowly, or the server was stopped, before respond() or finish(); soon, if that
  // has happened already. It must not throw.
  virtual void on_gone(std::function<void()>) = 0;
};

// Runs on the I/O thread, so that it must return soon: everybody waits for it. An exception is
// answered 500 without its text, which is not for the client.
using HttpHandler = std::function<void(HttpRequest, std::shared_ptr<HttpExchange>)>;

struct HttpLimits {
  int64_t header_bytes = 16384;  // request line and headers; also the trailers of a chunked body
  int64_t header_fields = 64;
  int64_t body_bytes = 8 << 20;
  int64_t connections = 1024;
  int64_t connections_of_a_peer = 0;  // 0: no cap
  // Of a streamed answer, the bytes that wait for the client. More than that for longer than
  // `write_seconds`, or a piece by which it would be more than 16 times that at any time, and the
  // client is cut. A piece that finds nothing waiting is taken, however large. So a connection
  // holds at most 16 times that (or one piece) of a stream, and as much again in the kernel.
  int64_t unsent_bytes = 256 << 10;
  double header_seconds = 10;  // from the first byte of a request to the end of its headers
  double body_seconds = 30;    // from there to the end of its body
  double idle_seconds = 60;    // without a request
  // An answer of which the client's system acknowledges no byte for so long is cut.
  double write_seconds = 30;
};

// Makes the answer to a fault that is found before the handler or instead of it: 400, 408, 413,
// 417, 431, 500, 501, 503 or 505, with a message for the client. Runs on the I/O thread.
using HttpFault = std::function<HttpResponse(int status, const std::string& message)>;

class HttpServer {
 public:
  // Without an HttpFault, or where it throws, a fault is answered {"error":{"message":…}}.
  HttpServer(HttpLimits, HttpHandler, HttpFault = {});
  // After run() has returned, or if it never ran.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Called before run(), until it has succeeded once. The address is IPv4, IPv6 or "localhost"
  // (127.0.0.1); port 0 is any free one. Throws an Error for an address that is none, or not of
  // this machine, and for a port in use or not allowed.
  void listen(const std::string& address, uint16_t port);
  uint16_t port() const;

  // The I/O thread's loop. Returns after stop(), or after drain() once every answer is out.
  void run();
  // Any thread: accepts no more connections and closes those without a request; a request that has
  // arrived in part is answered 503. What is still answered says `Connection: close`.
  void drain();
  // Any thread: cuts every connection.
  void stop();
  // Any thread: runs on the I/O thread, in order. An exception leaves run().
  void post(std::function<void()>);
  // The same, so many seconds later; never after run() has returned.
  void after(double seconds, std::function<void()>);

  struct Counts {
    int64_t connections = 0;  // now
    int64_t accepted = 0;
    int64_t refused = 0;  // for too many connections
    int64_t gone = 0;     // clients that left, or were cut, before they had all of an answer
    int64_t bytes_in = 0, bytes_out = 0;
  };
  Counts counts() const;  // any thread

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lineage
