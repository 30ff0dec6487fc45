// All that needs Boost: RequestReader on Beast's parser, HttpServer on Asio. One source, since the
// headers take longer to compile than the rest of the folder.
#include "lineage/http/http.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#ifdef __SANITIZE_THREAD__
// ThreadSanitizer knows no fences; the mutexes of the loop order what it has to see.
#define BOOST_ASIO_DISABLE_FENCED_BLOCK
#endif

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <cassert>
#include <chrono>
#include <cstring>
#include <ctime>
#include <limits>
#include <map>
#include <mutex>
#include <unordered_set>

#include "lineage/base/error.h"
#include "lineage/http/message.h"
#include "lineage/http/request_reader.h"

namespace lineage {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kChunkLine = 1024;  // bytes of a chunk's size with its extensions
constexpr int kBlankBytes = 8;       // of empty lines before a request

bool is_printable_ascii(char c) { return c > 0x20 && c < 0x7f; }
bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7f;
}
bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

// Beast's parser sees whole elements alone: all headers, a chunk's line, the trailers, any part of
// a body. What it says of a part depends on where the bytes were split, and its limit of headers
// holds for what it has not read yet; so the bytes of an element are gathered and bounded here.
class RequestReader::Impl {
 public:
  explicit Impl(const HttpLimits& limits) : limits_(limits) { reset(); }

  size_t feed(std::string_view bytes) {
    size_t used = 0;
    while (used < bytes.size() && state_ != State::complete && state_ != State::fault) {
      if (state_ != State::body || in_line_)
        take_byte(bytes[used++]);
      else
        used += parse(bytes.substr(used));
    }
    if (state_ == State::fault) {  // not in fail(), which Beast's hooks call while it reads held_
      held_ = {};
      request_ = {};
    }
    return used;
  }

  HttpRequest take() {
    HttpRequest request = std::move(request_);
    reset();
    return request;
  }

  State state() const { return state_; }
  bool wants_continue() const {
    return state_ == State::body && expects_ && request_.body.empty() && held_.empty();
  }
  bool keep_alive() const { return parser_->keep_alive(); }
  const Fault& fault() const { return fault_; }

 private:
  class Parser final : public beast_http::basic_parser<true> {
   public:
    explicit Parser(Impl& owner) : owner_(owner) {}

   private:
    using Body = boost::optional<std::uint64_t>;
    using Text = boost::beast::string_view;
    void on_request_impl(beast_http::verb, Text method, Text target, int version,
                         error_code&) override {
      owner_.request_.method = std::string(method);
      owner_.request_.target = std::string(target);
      owner_.request_.version = version;
    }
    void on_field_impl(beast_http::field, Text name, Text value, error_code&) override {
      owner_.add_field({name.data(), name.size()}, {value.data(), value.size()});
    }
    void on_chunk_header_impl(std::uint64_t size, Text, error_code&) override {
      owner_.chunk_left_ = size;
    }
    size_t on_chunk_body_impl(std::uint64_t, Text part, error_code&) override {
      owner_.request_.body.append(part.data(), part.size());
      owner_.chunk_left_ -= part.size();
      return part.size();
    }
    size_t on_body_impl(Text part, error_code&) override {
      owner_.request_.body.append(part.data(), part.size());
      return part.size();
    }
    void on_response_impl(int, Text, int, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const Body&, error_code&) override {}
    void on_finish_impl(error_code&) override {}

    Impl& owner_;
  };

  void reset() {
    state_ = State::empty;
    held_.clear();
    request_ = {};
    parser_.emplace(*this);
    parser_->body_limit(static_cast<std::uint64_t>(limits_.body_bytes));
    parser_->header_limit(std::numeric_limits<std::uint32_t>::max());
    blank_ = fields_ = 0;
    chunk_left_ = 0;
    expects_ = in_line_ = in_trailers_ = after_chunk_ = false;
  }

  void fail(int status, std::string message) {
    if (state_ == State::fault) return;
    state_ = State::fault;
    fault_ = {status, std::move(message)};
  }

  void take_byte(char c) {
    if (state_ == State::empty && !begins_request(c)) return;
    const char before = held_.empty() ? '\0' : held_.back();
    if ((c == '\n') != (before == '\r'))
      return fail(400, "a line of the request ends in a CR or LF alone; wanted CRLF");
    if (is_control(c)) return fail(400, "there is a control character in the request's headers");
    held_ += c;
    if (state_ == State::header)
      take_header_byte(c, before);
    else
      take_line_byte(c);
  }

  // Empty lines before a request are skipped (RFC 9112, section 2.2).
  bool begins_request(char c) {
    if (c == '\r' || c == '\n') {
      const bool in_order = (c == '\n') == (blank_ % 2 == 1);
      if (!in_order || ++blank_ > kBlankBytes) fail(400, "there is no request, but empty lines");
      return false;
    }
    if (blank_ % 2 == 1 || !is_printable_ascii(c)) {
      fail(400, "this is no HTTP request (is it TLS? this port speaks plain HTTP)");
      return false;
    }
    state_ = State::header;
    return true;
  }

  void take_header_byte(char c, char before) {
    if (before == '\n' && (c == ' ' || c == '\t'))
      return fail(400, "a header goes on in the next line; wanted it in one");
    if (std::ssize(held_) > limits_.header_bytes)
      return fail(431, "the request's headers have more than " +
                           std::to_string(limits_.header_bytes) + " bytes");
    if (held_.ends_with("\r\n\r\n")) finish_header();
  }

  void finish_header() {
    parse(held_);
    if (state_ == State::fault) return;
    check_header();
    if (state_ == State::fault) return;
    held_.clear();
    state_ = parser_->is_done() ? State::complete : State::body;
    in_line_ = parser_->chunked();
  }

  void check_header() {
    int hosts = 0, lengths = 0, codings = 0;
    bool is_chunked = false, unknown_expectation = false;
    for (const auto& [name, value] : request_.headers) {
      hosts += name == "host";
      lengths += name == "content-length";
      if (name == "transfer-encoding") {
        ++codings;
        is_chunked = equal_ignoring_case(value, "chunked");
      }
      if (name == "expect" && request_.version == 11) {
        expects_ = equal_ignoring_case(value, "100-continue");
        unknown_expectation |= !expects_;
      }
    }
    if (!std::all_of(request_.target.begin(), request_.target.end(), is_printable_ascii))
      return fail(400, "the request's target has other than visible ASCII characters");
    if (hosts > 1 || (hosts == 0 && request_.version == 11))
      return fail(400, "the request has " + std::to_string(hosts) + " Host headers; wanted one");
    if (codings + lengths > 1)
      return fail(400, "the request tells its length " + std::to_string(codings + lengths) +
                           " times; wanted one Content-Length or one Transfer-Encoding");
    if (codings && request_.version == 10)
      return fail(400, "an HTTP/1.0 request has a Transfer-Encoding; wanted Content-Length");
    if (codings && !is_chunked)
      return fail(501, "the request's Transfer-Encoding is not known; wanted chunked");
    if (unknown_expectation) fail(417, "the request's Expect is not known; wanted 100-continue");
  }

  // The line of a chunk, behind the CRLF of the one before, or the trailers.
  void take_line_byte(char c) {
    const size_t at = held_.size() - 1, begin = after_chunk_ ? 2 : 0;
    if (in_trailers_) {
      if (std::ssize(held_) > limits_.header_bytes)
        return fail(431, "the trailers of the request's body have more than " +
                             std::to_string(limits_.header_bytes) + " bytes");
      if (held_.ends_with("\r\n\r\n")) finish_line();
      return;
    }
    if (at < begin ? c != "\r\n"[at] : at == begin && !is_hex_digit(c))
      return fail(400, "a chunk of the request's body does not begin with its size");
    if (held_.size() > kChunkLine)
      return fail(400, "the line of a chunk has more than " + std::to_string(kChunkLine) +
                           " bytes; wanted its size");
    if (c == '\n' && at > begin) finish_line();
  }

  void finish_line() {
    const size_t used = parse(held_);
    if (state_ == State::fault) return;
    if (used == 0) {  // the last chunk, which Beast takes with its trailers
      if (in_trailers_) return fail(400, "the request's trailers cannot be read");
      in_trailers_ = true;
      if (held_.ends_with("\r\n\r\n")) finish_line();
      return;
    }
    held_.clear();
    if (parser_->is_done())
      state_ = State::complete;
    else
      in_line_ = false;
    after_chunk_ = true;
  }

  // Returns how many of the bytes Beast has used; sets state_ at the end and at a fault.
  size_t parse(std::string_view bytes) {
    error_code error;
    const bool of_header = state_ == State::header;
    const size_t used = parser_->put(asio::const_buffer(bytes.data(), bytes.size()), error);
    if (error && (error != beast_http::error::need_more || of_header)) {
      fail_by(error);
    } else if (state_ == State::body && !in_line_) {
      if (parser_->is_done()) state_ = State::complete;
      in_line_ = parser_->chunked() && chunk_left_ == 0;
    }
    return used;
  }

  void fail_by(error_code error) {
    using E = beast_http::error;
    if (error == E::body_limit)
      return fail(
          413, "the request's body has more than " + std::to_string(limits_.body_bytes) + " bytes");
    if (error == E::bad_version) {
      const std::string_view line = std::string_view(held_).substr(0, held_.find('\r'));
      const bool other = line.size() > 9 && line.substr(line.size() - 9).starts_with(" HTTP/") &&
                         std::count(line.begin(), line.end(), ' ') == 2;
      return other ? fail(505, "the request's version is not known; wanted HTTP/1.1 or HTTP/1.0")
                   : fail(400, "the request's first line does not end in HTTP/1.1");
    }
    if (error == E::bad_content_length || error == E::multiple_content_length ||
        error == E::bad_transfer_encoding)
      return fail(400,
                  "the request's length is told twice, or by no number; wanted one "
                  "Content-Length or one Transfer-Encoding");
    fail(400, "the request cannot be read: " + error.message());
  }

  void add_field(std::string_view name, std::string_view value) {
    if (++fields_ > limits_.header_fields)
      return fail(
          431, "the request has more than " + std::to_string(limits_.header_fields) + " headers");
    if (state_ != State::header) return;  // a trailer must not pass for a header
    std::string lower(name);
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    request_.headers.emplace_back(std::move(lower), value);
  }

  HttpLimits limits_;
  State state_ = State::empty;
  std::string held_;  // the element that is being gathered
  HttpRequest request_;
  Fault fault_;
  std::optional<Parser> parser_;
  int blank_ = 0;
  int64_t fields_ = 0;
  std::uint64_t chunk_left_ = 0;
  bool expects_ = false;
  bool in_line_ = false;      // of a body: within a chunk's line or the trailers
  bool in_trailers_ = false;  // the line was that of the last chunk
  bool after_chunk_ = false;  // the line has the CRLF of the chunk before
};

RequestReader::RequestReader(const HttpLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;
size_t RequestReader::feed(std::string_view bytes) { return impl_->feed(bytes); }
RequestReader::State RequestReader::state() const { return impl_->state(); }
bool RequestReader::wants_continue() const { return impl_->wants_continue(); }
bool RequestReader::keep_alive() const {
  assert(state() == State::complete);
  return impl_->keep_alive();
}
HttpRequest RequestReader::take() {
  assert(state() == State::complete);
  return impl_->take();
}
const RequestReader::Fault& RequestReader::fault() const { return impl_->fault(); }

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point t) {
  return std::chrono::duration<double>(Clock::now() - t).count();
}
Clock::duration clock_seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

constexpr size_t kReadBytes = 64 << 10;
constexpr int64_t kHardUnsent = 16;     // times unsent_bytes
constexpr double kLingerSeconds = 1;    // see Connection::linger()
constexpr double kAcceptPause = .05;    // seconds after an accept that failed
constexpr int64_t kRefusedAtOnce = 64;  // connections that are being told 503

class Connection;

// The event loop. An exchange may outlive the server and still call post(): hence shared, and
// closed before the io_context is destroyed.
class Loop {
 public:
  asio::io_context& io() { return *io_; }
  template <class F>
  bool post(F&& f) {
    const std::lock_guard lock(mutex_);
    if (!closed_) asio::post(*io_, std::forward<F>(f));
    return !closed_;
  }
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    io_.reset();  // without the lock: what is destroyed here may post
  }

 private:
  std::mutex mutex_;
  bool closed_ = false;
  std::optional<asio::io_context> io_{std::in_place, 1};
};

// What the exchange, in any thread, and the connection, in the I/O thread, share of one answer.
struct Answer {
  enum class Stage { waiting, streaming, finished, gone };

  Answer(std::shared_ptr<Loop> in, std::weak_ptr<Connection> of, int64_t most)
      : loop(std::move(in)), connection(std::move(of)), most_unsent(most) {}

  const std::shared_ptr<Loop> loop;
  const std::weak_ptr<Connection> connection;
  const int64_t most_unsent;

  std::mutex mutex;
  Stage stage = Stage::waiting;
  bool whole = false;
  bool unanswered = false;  // nobody is left who could answer
  bool broken = false;      // cut the connection: a stream without an end, or too much unsent
  bool posted = false;      // a flush is on its way to the I/O thread
  std::optional<HttpResponse> head;
  std::string pieces;    // not yet given to the connection
  size_t in_flight = 0;  // bytes that the connection has, and the kernel does not
  std::vector<std::function<void()>> when_gone;
};

void flush(const std::shared_ptr<Answer>&);

// With its mutex held. Pieces that are written before the I/O thread gets there need no more posts.
void wake(const std::shared_ptr<Answer>& answer) {
  if (answer->posted) return;
  answer->posted = answer->loop->post([answer] { flush(answer); });
}

class Exchange final : public HttpExchange {
 public:
  explicit Exchange(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  ~Exchange() override {
    fail();
    finish_as(Stage::streaming, [&] { answer_->broken = true; });
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void respond(HttpResponse response) override {
    assert(response.status >= 200 && response.status <= 599);
    finish_as(Stage::waiting, [&] {
      answer_->whole = true;
      answer_->head = std::move(response);
    });
  }

  void begin(int status, HttpHeaders headers) override {
    assert(status >= 200 && status <= 599);
    const std::lock_guard lock(answer_->mutex);
    if (answer_->stage != Stage::waiting) return;
    answer_->stage = Stage::streaming;
    answer_->head = HttpResponse{.status = status, .headers = std::move(headers), .body = {}};
    wake(answer_);
  }

  void write(std::string piece) override {
    const std::lock_guard lock(answer_->mutex);
    assert(answer_->stage != Stage::waiting);
    if (answer_->stage != Stage::streaming || answer_->broken || piece.empty()) return;
    const size_t unsent = answer_->pieces.size() + answer_->in_flight;
    if (unsent > 0 && static_cast<int64_t>(unsent + piece.size()) > answer_->most_unsent) {
      answer_->broken = true;
      answer_->pieces = {};
    } else if (answer_->pieces.empty()) {
      answer_->pieces = std::move(piece);
    } else {
      answer_->pieces += piece;
    }
    wake(answer_);
  }

  void finish() override {
    assert(answer_->stage != Stage::waiting);
    finish_as(Stage::streaming, [] {});
  }

  void on_gone(std::function<void()> call) override {
    {
      const std::lock_guard lock(answer_->mutex);
      if (answer_->stage == Stage::finished) return;
      if (answer_->stage != Stage::gone) {
        answer_->when_gone.push_back(std::move(call));
        return;
      }
    }
    if (!answer_->loop->post(call)) call();  // without a loop there is no thread to disturb
  }

  // Answers for a handler that has thrown.
  void fail() {
    finish_as(Stage::waiting, [&] { answer_->unanswered = true; });
  }

 private:
  using Stage = Answer::Stage;

  template <class F>
  void finish_as(Stage from, F&& change) {
    std::vector<std::function<void()>> unneeded;  // destroyed without the lock
    const std::lock_guard lock(answer_->mutex);
    if (answer_->stage != from) return;
    change();
    answer_->stage = Stage::finished;
    unneeded.swap(answer_->when_gone);
    wake(answer_);
  }

  std::shared_ptr<Answer> answer_;
};

// What connections use of their server, on the I/O thread.
struct Hub {
  HttpLimits limits;
  HttpHandler handler;
  HttpFault fault;
  std::shared_ptr<Loop> loop = std::make_shared<Loop>();
  std::function<void()> on_closed;  // after a connection has left `connections`
  bool draining = false;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::map<std::string, int64_t> of_peer;  // admitted connections
  std::vector<char> read_buffer = std::vector<char>(kReadBytes);
  // Read by any thread.
  std::atomic<int64_t> admitted = 0, accepted = 0, refused = 0, gone = 0, bytes_in = 0,
                       bytes_out = 0;

  HttpResponse answer_to(int status, const std::string& message) const {
    if (fault) {
      try {
        return fault(status, message);
      } catch (...) {  // it was to tell of a fault, so the plain form does
      }
    }
    return plain_fault(status, message);
  }
};

// One connection; all on the I/O thread. While it is open, the hub owns it and one wait for
// something to read is pending.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Hub& hub, tcp::socket socket, std::string peer, bool admitted)
      : hub_(hub),
        socket_(std::move(socket)),
        peer_(std::move(peer)),
        admitted_(admitted),
        reader_(hub.limits) {}

  void start() {
    guarded([&] {
      wait_for_bytes();
      if (!admitted_) answer_fault(503, "the server has too many connections; try again later");
    });
  }

  // Sends what the answer has by now.
  void flush(const std::shared_ptr<Answer>& answer) {
    if (answer == answer_) guarded([&] { send_answer(); });
  }

  // Holds the deadlines.
  void tick() {
    guarded([&] {
      const double seconds = seconds_since(since_);
      switch (phase_) {
        case Phase::reading:
          if (seen_ == State::empty && seconds > hub_.limits.idle_seconds)
            close();
          else if (seen_ == State::header && seconds > hub_.limits.header_seconds)
            answer_fault(408, "the request's headers took too long");
          else if (seen_ == State::body && seconds > hub_.limits.body_seconds)
            answer_fault(408, "the request's body took too long");
          break;
        case Phase::answering:
          if (is_read_too_slowly()) cut();
          break;
        case Phase::lingering:
          if (seconds > kLingerSeconds) close();
          break;
      }
    });
  }

  // The server goes: who has no answer to wait for need not stay.
  void drain() {
    guarded([&] {
      if (phase_ != Phase::reading) return;
      if (seen_ == State::empty)
        close();
      else
        answer_fault(503, "the server is shutting down");
    });
  }

  // Ends the connection so that the client sees an error, not an end, and the kernel drops what is
  // unsent.
  void cut() {
    if (!open_) return;
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    close();
  }

 private:
  using State = RequestReader::State;
  enum class Phase {
    reading,    // a request, or waiting for one
    answering,  // bytes that come meanwhile are kept
    lingering,  // all is sent; see linger()
  };

  // A fault of one connection (no memory, say) ends that one alone.
  template <class F>
  void guarded(F&& f) {
    if (!open_) return;
    const auto self = shared_from_this();
    try {
      f();
    } catch (...) {
      cut();
    }
  }

  void wait_for_bytes() {
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code) {
      self->guarded([&] { self->read(); });
    });
  }

  void read() {
    error_code error;
    const size_t n = socket_.read_some(asio::buffer(hub_.read_buffer), error);
    if (error == asio::error::would_block || error == asio::error::interrupted)
      return wait_for_bytes();
    if (error) return left();
    hub_.bytes_in += static_cast<int64_t>(n);
    receive({hub_.read_buffer.data(), n});
    if (open_) wait_for_bytes();
  }

  // The client has closed its sending half, or all.
  void left() {
    if (phase_ == Phase::answering)
      cut();
    else
      close();
  }

  void receive(std::string_view bytes) {
    if (phase_ == Phase::reading) return consume(bytes);
    if (phase_ == Phase::lingering || discards_) return;
    // Of requests that follow. To leave them with the kernel would hide that the client has left,
    // so a client that sends more than one request ahead is cut.
    if (std::ssize(early_) + std::ssize(bytes) > hub_.limits.header_bytes + hub_.limits.body_bytes)
      return cut();
    early_ += bytes;
  }

  void consume(std::string_view bytes) {
    bytes.remove_prefix(reader_.feed(bytes));
    const State state = reader_.state();
    if (state == State::complete) {
      early_ = bytes;
      handle();
    } else if (state == State::fault) {
      answer_fault(reader_.fault().status, reader_.fault().message);
    } else if (state != seen_) {
      seen_ = state;
      since_ = Clock::now();
      if (reader_.wants_continue()) send("HTTP/1.1 100 Continue\r\n\r\n");
    }
  }

  void handle() {
    keep_alive_ = reader_.keep_alive();
    HttpRequest request = reader_.take();
    request.peer = peer_;
    begin_answer(request.version == 10, request.method == "HEAD");
    const auto exchange = std::make_shared<Exchange>(answer_);
    try {
      hub_.handler(std::move(request), exchange);
    } catch (...) {
      exchange->fail();
    }
  }

  void begin_answer(bool version_10, bool head_only) {
    phase_ = Phase::answering;
    version_10_ = version_10;
    head_only_ = head_only;
    chunked_ = ended_ = false;
    over_since_.reset();
    answer_ = std::make_shared<Answer>(hub_.loop, weak_from_this(),
                                       kHardUnsent * hub_.limits.unsent_bytes);
  }

  // Answers, then closes; nothing more of the connection is read.
  void answer_fault(int status, const std::string& message) {
    begin_answer(false, false);
    keep_alive_ = false;
    discards_ = true;
    answer_->stage = Answer::Stage::finished;
    answer_->whole = true;
    answer_->head = hub_.answer_to(status, message);
    reader_ = RequestReader(hub_.limits);  // frees what it has read
    send_answer();
  }

  void send_answer() {
    Answer& answer = *answer_;
    std::string bytes;
    {
      std::unique_lock lock(answer.mutex);
      answer.posted = false;
      if (answer.broken) {
        lock.unlock();
        return cut();
      }
      if (answer.unanswered) {
        answer.unanswered = false;
        answer.whole = true;
        answer.head = hub_.answer_to(500, "the server failed to answer this request");
      }
      if (writing_) return;
      bytes = take_bytes();
      answer.in_flight = bytes.size();
    }
    if (!bytes.empty())
      send(std::move(bytes));
    else if (ended_)
      end_answer();
  }

  // The next bytes for the wire, with the answer's mutex held.
  std::string take_bytes() {
    Answer& answer = *answer_;
    std::string bytes;
    if (answer.head) {
      const HttpResponse head = std::move(*answer.head);
      answer.head.reset();
      const bool without_body = is_without_body(head.status);
      for (const auto& [name, value] : head.headers)
        if (equal_ignoring_case(name, "connection") && lists_word(value, "close"))
          keep_alive_ = false;
      if (hub_.draining || (version_10_ && !answer.whole)) keep_alive_ = false;
      HttpFraming framing{.close = !keep_alive_, .keep_alive = version_10_ && keep_alive_};
      if (answer.whole && !without_body) framing.length = std::ssize(head.body);
      framing.chunked = !answer.whole && !version_10_ && !without_body;
      sends_body_ = !head_only_ && !without_body;
      chunked_ = framing.chunked && sends_body_;
      bytes = response_head(head.status, head.headers, framing, std::time(nullptr));
      if (sends_body_) bytes += head.body;
    }
    if (!answer.pieces.empty()) {
      std::string pieces;
      pieces.swap(answer.pieces);
      if (chunked_) bytes += fmt::format("{:x}\r\n", pieces.size());
      if (sends_body_) bytes += pieces;
      if (chunked_) bytes += "\r\n";
    }
    if (answer.stage == Answer::Stage::finished && !ended_) {
      ended_ = true;
      if (chunked_) bytes += "0\r\n\r\n";
    }
    return bytes;
  }

  void send(std::string bytes) {
    sending_ = std::move(bytes);
    sent_ = 0;
    writing_ = true;
    progress_ = Clock::now();
    write();
  }

  void write() {
    socket_.async_write_some(asio::buffer(sending_.data() + sent_, sending_.size() - sent_),
                             [self = shared_from_this()](error_code error, size_t n) {
                               self->guarded([&] { error ? self->left() : self->written(n); });
                             });
  }

  void written(size_t n) {
    hub_.bytes_out += static_cast<int64_t>(n);
    given_ += static_cast<int64_t>(n);
    sent_ += n;
    if (answer_) {
      const std::lock_guard lock(answer_->mutex);
      answer_->in_flight = sending_.size() - sent_;
    }
    if (sent_ < sending_.size()) return write();
    sending_ = {};
    writing_ = false;
    if (answer_) send_answer();
  }

  // See HttpLimits. What the client's system has acknowledged is progress; what the kernel has
  // taken is not, since it takes the more the fuller its buffer is allowed to get.
  bool is_read_too_slowly() {
    const double most = hub_.limits.write_seconds;
    if (writing_) {
      int unacknowledged = 0;
      if (::ioctl(socket_.native_handle(), SIOCOUTQ, &unacknowledged) != 0) return true;
      if (const int64_t taken = given_ - unacknowledged; taken > taken_) {
        taken_ = taken;
        progress_ = Clock::now();
      }
      if (seconds_since(progress_) > most) return true;
    }
    const std::lock_guard lock(answer_->mutex);
    const auto unsent = static_cast<int64_t>(answer_->pieces.size() + answer_->in_flight);
    if (answer_->whole || unsent <= hub_.limits.unsent_bytes)
      over_since_.reset();
    else if (!over_since_)
      over_since_ = Clock::now();
    return over_since_ && seconds_since(*over_since_) > most;
  }

  void end_answer() {
    answer_.reset();
    if (!keep_alive_ || hub_.draining) return linger();
    phase_ = Phase::reading;
    seen_ = State::empty;
    since_ = Clock::now();
    if (!early_.empty()) consume(std::exchange(early_, {}));
  }

  // Closing a socket that has unread bytes resets it, and a reset destroys what the client has not
  // read yet. So the sending half is closed first, and what comes is read and dropped for a while.
  void linger() {
    phase_ = Phase::lingering;
    since_ = Clock::now();
    early_ = {};
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void close() {
    open_ = false;
    error_code ignored;
    socket_.close(ignored);
    std::vector<std::function<void()>> calls;
    if (const std::shared_ptr<Answer> answer = std::move(answer_)) {
      if (!discards_) ++hub_.gone;
      const std::lock_guard lock(answer->mutex);
      if (answer->stage != Answer::Stage::finished) {
        answer->stage = Answer::Stage::gone;
        calls.swap(answer->when_gone);
      }
      answer->pieces = {};
    }
    if (admitted_) {
      --hub_.admitted;
      if (const auto it = hub_.of_peer.find(peer_); it != hub_.of_peer.end() && --it->second == 0)
        hub_.of_peer.erase(it);
    }
    hub_.connections.erase(shared_from_this());
    for (const auto& call : calls) call();
    hub_.on_closed();
  }

  Hub& hub_;
  tcp::socket socket_;
  const std::string peer_;
  const bool admitted_;  // not one too many
  bool open_ = true;

  RequestReader reader_;
  std::string early_;  // bytes that came before their turn
  Phase phase_ = Phase::reading;
  State seen_ = State::empty;                  // of the reader, while reading
  Clock::time_point since_ = Clock::now();     // of phase_ and seen_
  bool keep_alive_ = true, discards_ = false;  // discards_: whatever else the client sends

  std::shared_ptr<Answer> answer_;  // while answering
  bool version_10_ = false, head_only_ = false;
  bool sends_body_ = false, chunked_ = false;
  bool ended_ = false;  // its last byte has been taken

  std::string sending_;  // what the kernel has not taken begins at sent_
  size_t sent_ = 0;
  bool writing_ = false;
  int64_t given_ = 0, taken_ = 0;  // bytes: to the kernel, by the client's system
  Clock::time_point progress_;     // of taken_
  std::optional<Clock::time_point> over_since_;
};

void flush(const std::shared_ptr<Answer>& answer) {
  if (const auto connection = answer->connection.lock()) connection->flush(answer);
}

// "127.0.0.1", also where the socket is one of IPv6 that takes both.
std::string address_of(const tcp::endpoint& endpoint) {
  const asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

Error listen_error(const std::string& address, uint16_t port, error_code error) {
  const bool v6 = address.find(':') != std::string::npos;
  const std::string place = (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  if (error == asio::error::address_in_use)
    return Error(place + ": another program listens there; wanted a free port",
                 "choose another port, or see which program it is: ss -ltnp 'sport = :" +
                     std::to_string(port) + "'");
  if (error == asio::error::access_denied)
    return Error(place + ": this user may not listen there; wanted a port that is allowed",
                 "ports below 1024 are the system's; choose a higher one");
  if (error.value() == EADDRNOTAVAIL)
    return Error(place + ": the address is not of this machine; wanted one that is",
                 "127.0.0.1 is for programs of this machine, 0.0.0.0 for all; ip address lists the "
                 "others");
  return Error(place + ": cannot listen: " + error.message(),
               "see the machine's addresses: ip address");
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpLimits limits, HttpHandler handler, HttpFault fault) {
    hub_.limits = limits;
    hub_.handler = std::move(handler);
    hub_.fault = std::move(fault);
    hub_.on_closed = [this] {
      if (hub_.draining && hub_.connections.empty()) io().stop();
    };
    const double least = std::min(
        {limits.header_seconds, limits.body_seconds, limits.idle_seconds, limits.write_seconds});
    tick_time_ = clock_seconds(std::clamp(least / 4, .005, .5));
  }

  ~Impl() {
    cut_all();
    acceptor_.reset();
    accept_timer_.reset();
    tick_timer_.reset();
    hub_.loop->close();
  }

  void listen(const std::string& address, uint16_t port) {
    error_code error;
    const asio::ip::address ip =
        asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
    if (error)
      throw Error(
          "\"" + address + "\" is no address to listen at; wanted an IP address or localhost",
          "127.0.0.1 is for programs of this machine, 0.0.0.0 (IPv6: ::) for all");
    const tcp::endpoint endpoint(ip, port);
    const auto done = [&](error_code e) {
      if (e) throw listen_error(address, port, e);
    };
    tcp::acceptor acceptor(io());
    done(acceptor.open(endpoint.protocol(), error));
    done(acceptor.set_option(tcp::acceptor::reuse_address(true), error));
    // "::" takes IPv4 too, whatever the system's default.
    if (ip.is_v6()) done(acceptor.set_option(asio::ip::v6_only(false), error));
    done(acceptor.bind(endpoint, error));
    done(acceptor.listen(kBacklog, error));
    *acceptor_ = std::move(acceptor);  // not before all went well: another port may be tried
    port_ = acceptor_->local_endpoint().port();
    accept();
  }
  uint16_t port() const { return port_; }

  void run() {
    const auto work = asio::make_work_guard(io());
    io().run();
  }

  void drain() {
    post([this] {
      hub_.draining = true;
      error_code ignored;
      acceptor_->close(ignored);
      for (const auto& connection : connections()) connection->drain();
      hub_.on_closed();
    });
  }

  void stop() {
    post([this] {
      error_code ignored;
      acceptor_->close(ignored);
      cut_all();
      io().stop();
    });
  }

  void post(std::function<void()> call) { hub_.loop->post(std::move(call)); }

  void after(double seconds, std::function<void()> call) {
    post([this, seconds, call = std::move(call)]() mutable {
      const auto timer = std::make_shared<asio::steady_timer>(io(), clock_seconds(seconds));
      timer->async_wait([timer, call = std::move(call)](error_code error) {
        if (!error) call();
      });
    });
  }

  Counts counts() const {
    return {.connections = hub_.admitted,
            .accepted = hub_.accepted,
            .refused = hub_.refused,
            .gone = hub_.gone,
            .bytes_in = hub_.bytes_in,
            .bytes_out = hub_.bytes_out};
  }

 private:
  static constexpr int kBacklog = 4096;  // the kernel takes at most net.core.somaxconn

  asio::io_context& io() { return hub_.loop->io(); }

  void accept() {
    acceptor_->async_accept([this](error_code error, tcp::socket socket) {
      if (!acceptor_->is_open()) return;
      if (!error) {
        try {
          admit(std::move(socket));
        } catch (...) {  // no memory for one more
        }
        return accept();
      }
      // No more files, say: the connection waits in the backlog, and asking again at once would
      // only keep the processor busy.
      accept_timer_->expires_after(clock_seconds(kAcceptPause));
      accept_timer_->async_wait([this](error_code) {
        if (acceptor_->is_open()) accept();
      });
    });
  }

  void admit(tcp::socket socket) {
    ++hub_.accepted;
    error_code error;
    const tcp::endpoint remote = socket.remote_endpoint(error);
    if (error) return;  // it has left already
    socket.non_blocking(true, error);
    socket.set_option(tcp::no_delay(true), error);
    const auto buffer =
        static_cast<int>(std::clamp<int64_t>(hub_.limits.unsent_bytes, 4096, 1 << 30));
    socket.set_option(asio::socket_base::send_buffer_size(buffer), error);

    const std::string peer = address_of(remote);
    const auto known = hub_.of_peer.find(peer);
    const int64_t of_peer = known == hub_.of_peer.end() ? 0 : known->second;
    const int64_t cap = hub_.limits.connections_of_a_peer;
    const bool admitted = hub_.admitted < hub_.limits.connections && (cap == 0 || of_peer < cap);
    if (!admitted) {
      ++hub_.refused;
      if (std::ssize(hub_.connections) - hub_.admitted >= kRefusedAtOnce) return;
    }
    const auto connection = std::make_shared<Connection>(hub_, std::move(socket), peer, admitted);
    hub_.connections.insert(connection);
    if (admitted) {
      ++hub_.admitted;
      ++hub_.of_peer[peer];
    }
    connection->start();
    if (!ticking_) tick_later();
  }

  // One timer for all: deadlines need no precision, and a stream would move its own with each
  // token.
  void tick_later() {
    ticking_ = true;
    tick_timer_->expires_after(tick_time_);
    tick_timer_->async_wait([this](error_code error) {
      ticking_ = false;
      if (error) return;
      for (const auto& connection : connections()) connection->tick();
      if (!hub_.connections.empty()) tick_later();
    });
  }

  void cut_all() {
    for (const auto& connection : connections()) connection->cut();
  }

  std::vector<std::shared_ptr<Connection>> connections() const {
    return {hub_.connections.begin(), hub_.connections.end()};
  }

  Hub hub_;
  std::optional<tcp::acceptor> acceptor_{io()};
  std::optional<asio::steady_timer> accept_timer_{io()}, tick_timer_{io()};
  uint16_t port_ = 0;
  Clock::duration tick_time_{};
  bool ticking_ = false;
};

HttpServer::HttpServer(HttpLimits limits, HttpHandler handler, HttpFault fault)
    : impl_(std::make_unique<Impl>(limits, std::move(handler), std::move(fault))) {}
HttpServer::~HttpServer() = default;
void HttpServer::listen(const std::string& address, uint16_t port) { impl_->listen(address, port); }
uint16_t HttpServer::port() const { return impl_->port(); }
void HttpServer::run() { impl_->run(); }
void HttpServer::drain() { impl_->drain(); }
void HttpServer::stop() { impl_->stop(); }
void HttpServer::post(std::function<void()> call) { impl_->post(std::move(call)); }
void HttpServer::after(double seconds, std::function<void()> call) {
  impl_->after(seconds, std::move(call));
}
HttpServer::Counts HttpServer::counts() const { return impl_->counts(); }

}  // namespace lineage
