#include "lineage/http/http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <future>
#include <mutex>
#include <thread>

#include "lineage/base/error.h"

namespace lineage {
namespace {

constexpr int kPatience = 20000;  // milliseconds; only a test that fails waits so long

// A client of plain sockets.
class Client {
 public:
  explicit Client(uint16_t port, bool v6 = false, int receive_buffer = 0)
      : fd_(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    six.sin6_addr = in6addr_loopback;
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int failed = v6 ? ::connect(fd_, reinterpret_cast<sockaddr*>(&six), sizeof six)
                          : ::connect(fd_, reinterpret_cast<sockaddr*>(&four), sizeof four);
    EXPECT_EQ(failed, 0) << std::strerror(errno);
  }
  ~Client() { close(); }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), read_(other.read_) {}
  Client& operator=(Client&&) = delete;

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reset() {  // RST in place of FIN
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void close_sending() { ::shutdown(fd_, SHUT_WR); }

  Client& send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) break;  // the server does not want the rest
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return *this;
  }

  // All that comes until `end` does, without what comes after it; "" at the connection's end or
  // after a wait in vain.
  std::string read_to(std::string_view end) {
    for (;;) {
      if (const size_t at = read_.find(end); at != std::string::npos) {
        const std::string text = read_.substr(0, at + end.size());
        read_.erase(0, at + end.size());
        return text;
      }
      if (!receive()) return {};
    }
  }
  std::string read_bytes(size_t n) {
    while (read_.size() < n)
      if (!receive()) return {};
    const std::string text = read_.substr(0, n);
    read_.erase(0, n);
    return text;
  }
  // Head and body of a response with a Content-Length.
  std::string response() {
    const std::string head = read_to("\r\n\r\n");
    const size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + read_bytes(std::stoul(head.substr(at + 16)));
  }
  // All until the end of the connection.
  std::string rest() {
    while (receive()) {
    }
    return std::exchange(read_, {});
  }
  bool ended() const { return ended_; }  // by FIN or RST, not by our patience
  bool was_reset() const { return was_reset_; }

 private:
  bool receive() {
    pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, kPatience) != 1) {
      ADD_FAILURE() << "nothing came; so far: " << read_;
      return false;
    }
    char buffer[65536];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    ended_ = n <= 0;
    was_reset_ = n < 0 && errno == ECONNRESET;
    if (n > 0) read_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  int fd_;
  std::string read_;
  bool ended_ = false, was_reset_ = false;
};

// A flag that a test waits for.
class Flag {
 public:
  void set() {
    if (!is_set_.exchange(true)) promise_.set_value();
  }
  bool wait() {
    return future_.wait_for(std::chrono::milliseconds(kPatience)) == std::future_status::ready;
  }
  bool is_set() const { return is_set_; }

 private:
  std::atomic<bool> is_set_ = false;
  std::promise<void> promise_;
  std::future<void> future_ = promise_.get_future();
};

bool becomes(const std::function<bool()>& condition) {
  for (int i = 0; i < kPatience / 2; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

// A server on a free port whose handler does what the target says; the test has the exchanges of
// /hold and /stream.
class HttpTest : public ::testing::Test {
 protected:
  ~HttpTest() override { end(); }

  void serve(HttpLimits limits = {}, HttpFault fault = {},
             const std::string& address = "127.0.0.1") {
    server_ = std::make_unique<HttpServer>(
        limits, [this](HttpRequest r, std::shared_ptr<HttpExchange> e) { handle(std::move(r), e); },
        std::move(fault));
    server_->listen(address, 0);
    thread_ = std::thread([this] {
      server_->run();
      returned_.set();
    });
  }
  void end() {
    if (thread_.joinable()) {
      server_->stop();
      thread_.join();
    }
    held_.clear();
    server_.reset();
  }

  virtual void handle(HttpRequest request, const std::shared_ptr<HttpExchange>& exchange) {
    const std::string& target = request.target;
    if (target == "/throw") throw std::runtime_error("secret path /etc/x");
    if (target == "/drop") return;
    if (target == "/hold" || target == "/stream") {
      exchange->on_gone([this] { ++gone_; });
      if (target == "/stream") {
        exchange->begin(200, {{"Content-Type", "text/event-stream"}});
        exchange->write("first\n");
      }
      const std::lock_guard lock(mutex_);
      held_.push_back(exchange);
      return;
    }
    if (target == "/empty") return exchange->respond({.status = 204, .headers = {}, .body = {}});
    exchange->respond({.status = 200,
                       .headers = {{"X-Split", "a\r\nX-Evil: b"}, {"X-Peer", request.peer}},
                       .body = request.method + " " + target + " " + request.body});
  }

  std::shared_ptr<HttpExchange> held(size_t n = 0) {
    EXPECT_TRUE(becomes([&] {
      const std::lock_guard lock(mutex_);
      return held_.size() > n;
    }));
    const std::lock_guard lock(mutex_);
    return held_.at(n);
  }
  Client client() { return Client(server_->port()); }
  // That the server still answers.
  void expect_alive() {
    EXPECT_NE(client().send("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n").response().find("GET /alive"),
              std::string::npos);
  }

  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
  Flag returned_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<HttpExchange>> held_;
  std::atomic<int> gone_ = 0;
};

std::string get(std::string_view target, std::string_view headers = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
int status_of(const std::string& response) {
  return response.size() < 12 ? 0 : std::stoi(response.substr(9, 3));
}

TEST_F(HttpTest, AnswersAndKeepsTheConnection) {
  serve();
  Client c = client();
  for (int i = 0; i < 3; ++i) {
    c.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    const std::string response = c.response();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    EXPECT_TRUE(response.ends_with("\r\n\r\nPOST /a abc")) << response;
    EXPECT_TRUE(has(response, "X-Peer: 127.0.0.1\r\n")) << response;
    EXPECT_FALSE(has(response, "X-Evil")) << response;
    EXPECT_FALSE(has(response, "Connection:")) << response;
  }
  const HttpServer::Counts counts = server_->counts();
  EXPECT_EQ(counts.connections, 1);
  EXPECT_EQ(counts.accepted, 1);
  EXPECT_EQ(counts.gone, 0);
  EXPECT_GT(counts.bytes_in, 100);
  EXPECT_GT(counts.bytes_out, 100);
  c.close();
  EXPECT_TRUE(becomes([&] { return server_->counts().connections == 0; }));
  EXPECT_EQ(server_->counts().gone, 0);  // it had its answers
}

TEST_F(HttpTest, ClosesTheConnectionOnRequest) {
  serve();
  for (const char* close : {"Connection: close\r\n", "connection: CLOSE\r\n"}) {
    Client c = client();
    const std::string all = c.send(get("/a", close)).rest();
    EXPECT_TRUE(has(all, "Connection: close\r\n")) << all;
    EXPECT_TRUE(all.ends_with("GET /a ")) << all;
    EXPECT_TRUE(c.ended());
  }
}

TEST_F(HttpTest, AnswersPipelinedRequestsInOrder) {
  serve();
  Client c = client();
  c.send(get("/hold") + get("/second") + get("/third"));
  held()->respond({.status = 200, .headers = {}, .body = "first"});
  EXPECT_TRUE(c.response().ends_with("first"));
  EXPECT_TRUE(c.response().ends_with("GET /second "));
  EXPECT_TRUE(c.response().ends_with("GET /third "));
}

TEST_F(HttpTest, StreamsChunksAndReadsOn) {
  serve();
  Client c = client();
  c.send(get("/stream"));
  const std::string head = c.read_to("\r\n\r\n");
  EXPECT_TRUE(has(head, "Transfer-Encoding: chunked\r\n")) << head;
  EXPECT_FALSE(has(head, "Content-Length")) << head;
  EXPECT_EQ(c.read_to("first\n\r\n"), "6\r\nfirst\n\r\n");
  held()->write("second\n");
  held()->write("");  // which would look like the end
  EXPECT_EQ(c.read_to("second\n\r\n"), "7\r\nsecond\n\r\n");
  held()->finish();
  EXPECT_EQ(c.read_to("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_TRUE(c.send(get("/next")).response().ends_with("GET /next "));
  EXPECT_EQ(gone_, 0);
}

TEST_F(HttpTest, PiecesOfManyThreadsGoOutInOrderAndTogether) {
  serve();
  Client c = client();
  c.send(get("/stream"));
  const auto exchange = held();
  Flag go, stopped;
  server_->post([&] {  // while the I/O thread is held up, all pieces wait for one send
    stopped.set();
    go.wait();
  });
  ASSERT_TRUE(stopped.wait());
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) exchange->write(std::to_string(i) + "\n");
    exchange->finish();
  });
  other.join();
  go.set();
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += std::to_string(i) + "\n";
  c.read_to("first\n\r\n");
  EXPECT_EQ(c.read_to("\r\n"), "f32\r\n");
  EXPECT_EQ(c.read_bytes(expected.size()), expected);
  EXPECT_EQ(c.read_to("0\r\n\r\n"), "\r\n0\r\n\r\n");
}

TEST_F(HttpTest, AnHttp10ClientGetsBytesAndTheEnd) {
  serve();
  Client c = client();
  c.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  held()->write("second\n");
  held()->finish();
  const std::string all = c.rest();
  EXPECT_TRUE(all.ends_with("\r\n\r\nfirst\nsecond\n")) << all;
  EXPECT_TRUE(has(all, "Connection: close\r\n")) << all;
  EXPECT_FALSE(has(all, "Transfer-Encoding")) << all;
  EXPECT_TRUE(c.ended());

  EXPECT_TRUE(client().send("GET /a HTTP/1.0\r\n\r\n").rest().ends_with("GET /a "));
  Client keeps = client();
  for (int i = 0; i < 2; ++i) {
    const std::string one =
        keeps.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").response();
    EXPECT_TRUE(has(one, "Connection: keep-alive\r\n")) << one;
  }
}

TEST_F(HttpTest, HeadAndNoContentHaveNoBody) {
  serve();
  Client c = client();
  c.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n" + get("/empty") +
         "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + get("/b"));
  const std::string head = c.read_to("\r\n\r\n");
  EXPECT_TRUE(has(head, "Content-Length: 8\r\n")) << head;
  const std::string none = c.read_to("\r\n\r\n");
  EXPECT_TRUE(none.starts_with("HTTP/1.1 204 No Content\r\n")) << none;
  EXPECT_FALSE(has(none, "Content-Length")) << none;
  held()->finish();
  EXPECT_TRUE(has(c.read_to("\r\n\r\n"), "chunked"));
  EXPECT_TRUE(c.response().ends_with("GET /b "));
}

TEST_F(HttpTest, ReadsAChunkedBody) {
  serve();
  Client c = client();
  c.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
  c.send("c\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_TRUE(c.response().ends_with("POST /a abcde"));
}

TEST_F(HttpTest, TellsAClientThatWaitsToContinue) {
  serve({.body_bytes = 8});
  Client c = client();
  c.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(c.read_to("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(c.send("abc").response().ends_with("POST /a abc"));
  c.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(status_of(c.response()), 413);  // in place of 100
}

TEST_F(HttpTest, LimitsAreAnsweredAndTheConnectionCloses) {
  serve({.header_bytes = 200, .header_fields = 4, .body_bytes = 10});
  const auto status = [&](const std::string& bytes) {
    Client c = client();
    const std::string all = c.send(bytes).rest();
    EXPECT_TRUE(has(all, "Connection: close\r\n")) << all;
    EXPECT_TRUE(has(all, "{\"error\":{\"message\":\"")) << all;
    EXPECT_TRUE(c.ended());
    return status_of(all);
  };
  EXPECT_EQ(status("GET /" + std::string(5000, 'x')), 431);
  EXPECT_EQ(status(get("/a", "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n")), 431);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"), 413);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n"), 413);
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"), 501);
  EXPECT_EQ(
      status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
             "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
      400);
  EXPECT_EQ(status("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status("\x16\x03\x01\x02"), 400);
  expect_alive();
}

// A reset, for a body that is not read, could destroy the answer on its way.
TEST_F(HttpTest, ATooLargeBodyIsAnsweredWhileItIsSent) {
  serve({.body_bytes = 1000});
  Client c = client();
  c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
  c.send(std::string(300000, 'x'));
  EXPECT_EQ(status_of(c.rest()), 413);
  EXPECT_FALSE(c.was_reset());
}

TEST_F(HttpTest, FaultsAreAnsweredAsTheProgramWants) {
  serve({}, [](int status, const std::string& message) -> HttpResponse {
    if (status == 431) throw std::runtime_error("secret");
    return {.status = status, .headers = {{"X-Fault", "yes"}}, .body = "<" + message + ">"};
  });
  const std::string all = client().send("nonsense\r\n\r\n").rest();
  EXPECT_EQ(status_of(all), 400);
  EXPECT_TRUE(has(all, "X-Fault: yes")) << all;
  EXPECT_TRUE(all.ends_with(">")) << all;
  const std::string plain = client().send("GET /" + std::string(20000, 'x')).rest();
  EXPECT_EQ(status_of(plain), 431);
  EXPECT_FALSE(has(plain, "secret")) << plain;
}

TEST_F(HttpTest, AnExceptionInTheHandlerIsA500AndTellsNothing) {
  serve();
  Client c = client();
  const std::string response = c.send(get("/throw")).response();
  EXPECT_EQ(status_of(response), 500);
  EXPECT_TRUE(has(response, "{\"error\":{\"message\":")) << response;
  EXPECT_FALSE(has(response, "secret")) << response;
  EXPECT_TRUE(c.send(get("/a")).response().ends_with("GET /a "));
}

TEST_F(HttpTest, AnExchangeThatIsDroppedIsA500) {
  serve();
  Client c = client();
  EXPECT_EQ(status_of(c.send(get("/drop")).response()), 500);
  EXPECT_TRUE(c.send(get("/a")).response().ends_with("GET /a "));
}

TEST_F(HttpTest, AStreamThatIsDroppedDoesNotLookWhole) {
  serve();
  Client c = client();
  c.send(get("/stream")).read_to("first\n\r\n");
  held();
  {
    const std::lock_guard lock(mutex_);
    held_.clear();
  }
  EXPECT_FALSE(has(c.rest(), "0\r\n\r\n"));
  EXPECT_TRUE(c.ended());
  expect_alive();
}

TEST_F(HttpTest, LaterAnswersAreIgnored) {
  serve();
  Client c = client();
  c.send(get("/hold"));
  held()->respond({.status = 200, .headers = {}, .body = "one"});
  held()->respond({.status = 200, .headers = {}, .body = "two"});
  held()->begin(200, {});
  held()->write("three");
  held()->finish();
  EXPECT_TRUE(c.response().ends_with("one"));
  EXPECT_TRUE(c.send(get("/a")).response().ends_with("GET /a "));
}

TEST_F(HttpTest, OpenStreamsAndHalfRequestsHoldNobodyUp) {
  serve();
  std::vector<Client> others;
  for (int i = 0; i < 64; ++i) {
    others.push_back(client());
    others.back().send(get("/stream")).read_to("first\n\r\n");
    others.push_back(client());
    others.back().send(i % 2 ? "GET /half HTTP/1.1\r\nHo"
                             : "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
  }
  expect_alive();
  EXPECT_EQ(gone_, 0);
  for (size_t i = 0; i < 64; ++i) held(i)->finish();
  for (size_t i = 0; i < others.size(); i += 2)
    EXPECT_EQ(others[i].read_to("0\r\n\r\n"), "0\r\n\r\n");
}

TEST_F(HttpTest, AClientThatLeavesIsNoticedInEveryPhase) {
  serve();
  int left = 0;
  for (const char* target : {"/hold", "/stream"}) {
    for (const int how : {0, 1, 2}) {
      Client c = client();
      c.send(get(target));
      const auto exchange = held(static_cast<size_t>(left));
      if (how == 0) c.close();
      if (how == 1) c.reset();
      if (how == 2) c.close_sending();
      ++left;
      EXPECT_TRUE(becomes([&] { return gone_ == left; })) << target << how;
      EXPECT_TRUE(becomes([&] { return server_->counts().gone == left; }));
      Flag at_once;
      exchange->on_gone([&] { at_once.set(); });
      EXPECT_TRUE(at_once.wait());
      if (std::string_view(target) == "/stream") {
        exchange->write("nobody reads this");
        exchange->finish();
      } else {
        exchange->respond({});
      }
    }
  }
  // With the next request already there, and with a half one of which nobody is told.
  Client ahead = client();
  ahead.send(get("/hold") + get("/next") + "GET /half").close_sending();
  EXPECT_TRUE(becomes([&] { return gone_ == left + 1; }));
  client().send("GET /half HTTP/1.1\r\n").close();
  EXPECT_TRUE(becomes([&] { return server_->counts().connections == 0; }));
  EXPECT_EQ(server_->counts().gone, left + 1);
  expect_alive();
}

TEST_F(HttpTest, AClientThatSendsTooFarAheadIsCut) {
  serve({.header_bytes = 500, .body_bytes = 500});
  Client c = client();
  c.send(get("/hold"));
  const auto exchange = held();
  c.send(std::string(5000, 'x'));
  EXPECT_TRUE(becomes([&] { return gone_ == 1; }));
}

// A reader that takes nothing: the writer goes on at full speed, and what waits is bounded.
TEST_F(HttpTest, AReaderThatFallsFarBehindIsCut) {
  const HttpLimits limits = {.unsent_bytes = 16 << 10, .write_seconds = 1000};
  serve(limits);
  Client c(server_->port(), false, 4096);
  c.send(get("/stream"));
  const auto exchange = held();
  int64_t written = 0;
  for (; gone_ == 0 && written < (64 << 20); written += 8 << 10) {
    exchange->write(std::string(8 << 10, 'x'));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(gone_, 1);
  EXPECT_LT(written, 4 << 20);  // 16 * unsent_bytes, and the buffers of two sockets
  expect_alive();
}

TEST_F(HttpTest, AReaderThatStaysBehindIsCutAfterAWhile) {
  serve({.unsent_bytes = 1 << 20, .write_seconds = .3});
  Client c(server_->port(), false, 4096);
  c.send(get("/stream"));
  const auto exchange = held();
  exchange->write(std::string(8 << 20, 'x'));  // one piece, so not too much
  EXPECT_TRUE(becomes([&] {                    // though it reads on, a little at a time
    c.read_bytes(1024);
    return gone_ == 1;
  }));
  EXPECT_EQ(server_->counts().gone, 1);
}

TEST_F(HttpTest, AWholeAnswerThatIsNotReadIsCut) {
  serve({.write_seconds = .3});
  Client c(server_->port(), false, 4096);
  c.send(get("/hold"));
  held()->respond({.status = 200, .headers = {}, .body = std::string(32 << 20, 'x')});
  EXPECT_TRUE(becomes([&] { return server_->counts().gone == 1; }));
  EXPECT_EQ(gone_, 0);  // its maker had finished
}

TEST_F(HttpTest, ALargeAnswerIsReadByASlowReader) {
  serve({.write_seconds = .5});
  Client c(server_->port(), false, 65536);
  c.send(get("/hold"));
  held()->respond({.status = 200, .headers = {}, .body = std::string(3 << 20, 'x')});
  c.read_to("\r\n\r\n");
  for (int i = 0; i < 12; ++i) {  // a second and more in all
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(c.read_bytes(256 << 10).size(), 256u << 10);
  }
  EXPECT_EQ(server_->counts().gone, 0);
}

TEST_F(HttpTest, SlowSendersAreCut) {
  serve({.header_seconds = .1, .body_seconds = .1});
  Client header = client(), body = client(), dripping = client();
  EXPECT_EQ(status_of(header.send("GET / HTTP/1.1\r\nHo").rest()), 408);
  EXPECT_EQ(
      status_of(body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").rest()),
      408);
  std::atomic<bool> answered = false;  // a byte now and then does not buy time
  std::thread sender([&] {
    dripping.send("GET / HTTP/1.1\r\nA: ");
    for (int i = 0; i < 10000 && !answered; ++i) {
      dripping.send("x");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  EXPECT_TRUE(becomes([&] { return server_->counts().connections == 0; }));
  answered = true;
  sender.join();
  EXPECT_EQ(status_of(dripping.rest()), 408);
}

TEST_F(HttpTest, IdleConnectionsAreClosedAndBusyOnesAreNot) {
  serve({.header_seconds = .05, .body_seconds = .05, .idle_seconds = .05});
  Client silent = client(), idle = client(), busy = client();
  busy.send(get("/hold"));
  EXPECT_EQ(status_of(idle.send(get("/a")).response()), 200);
  EXPECT_EQ(idle.rest(), "");
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(silent.rest(), "");
  held()->respond({.status = 200, .headers = {}, .body = "late"});
  EXPECT_TRUE(busy.response().ends_with("late"));
}

TEST_F(HttpTest, TooManyConnectionsAreTold) {
  serve({.connections = 2});
  Client a = client(), b = client();
  EXPECT_EQ(status_of(a.send(get("/a")).response()), 200);
  EXPECT_EQ(status_of(b.send(get("/b")).response()), 200);
  EXPECT_EQ(status_of(client().send(get("/c")).rest()), 503);
  EXPECT_EQ(server_->counts().refused, 1);
  EXPECT_EQ(server_->counts().connections, 2);
  a.close();
  EXPECT_TRUE(becomes([&] { return server_->counts().connections == 1; }));
  expect_alive();
}

TEST_F(HttpTest, APeerHasItsCap) {
  serve({.connections_of_a_peer = 1});
  Client a = client();
  EXPECT_EQ(status_of(a.send(get("/a")).response()), 200);
  EXPECT_EQ(status_of(client().send(get("/b")).rest()), 503);
  a.close();
  EXPECT_TRUE(becomes([&] { return server_->counts().connections == 0; }));
  expect_alive();
}

TEST_F(HttpTest, GoesOnAfterItHadNoFilesLeft) {
  serve();
  expect_alive();
  Client c = client();  // waits in the backlog, or is taken, as the limit wants
  Client late = client();
  EXPECT_EQ(status_of(c.send(get("/a")).response()), 200);
  EXPECT_EQ(status_of(late.send(get("/a")).response()), 200);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int probe = ::dup(0);
  ASSERT_GE(probe, 0);
  std::vector<int> sockets;
  sockets.push_back(::socket(AF_INET, SOCK_STREAM, 0));
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(probe);  // below this all are in use, or nearly
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::vector<int> fillers;
  for (int fd; (fd = ::dup(0)) >= 0;) fillers.push_back(fd);
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(server_->port());
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(sockets[0], reinterpret_cast<sockaddr*>(&four), sizeof four), 0);
  EXPECT_EQ(status_of(c.send(get("/a")).response()), 200);  // old connections go on
  const int64_t accepted = server_->counts().accepted;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(becomes([&] { return server_->counts().accepted > accepted; }));
  for (const int fd : fillers) ::close(fd);
  ::close(sockets[0]);
  ::close(probe);
  expect_alive();
}

TEST_F(HttpTest, DrainEndsWhenEveryAnswerIsOut) {
  serve();
  Client idle = client(), stream = client(), held_up = client(), half = client();
  EXPECT_EQ(status_of(idle.send(get("/a")).response()), 200);
  stream.send(get("/stream")).read_to("first\n\r\n");
  held();
  held_up.send(get("/hold") + get("/dropped"));
  const auto exchange = held(1);
  half.send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(becomes([&] { return server_->counts().bytes_in > 130; }));
  server_->drain();
  EXPECT_EQ(idle.rest(), "");
  EXPECT_EQ(status_of(half.rest()), 503);
  EXPECT_FALSE(returned_.is_set());
  exchange->respond({.status = 200, .headers = {}, .body = "late"});
  const std::string late = held_up.rest();
  EXPECT_TRUE(has(late, "Connection: close\r\n")) << late;
  EXPECT_TRUE(late.ends_with("late")) << late;
  EXPECT_FALSE(returned_.is_set());
  held()->write("last");
  held()->finish();
  EXPECT_EQ(stream.rest(), "4\r\nlast\r\n0\r\n\r\n");
  idle.close();
  stream.close();
  held_up.close();
  half.close();
  EXPECT_TRUE(returned_.wait());
  EXPECT_EQ(gone_, 0);
}

TEST_F(HttpTest, DrainWithoutConnectionsReturns) {
  serve();
  server_->drain();
  EXPECT_TRUE(returned_.wait());
}

TEST_F(HttpTest, StopCutsStreamsAndTellsTheirMakers) {
  serve();
  Client c = client();
  c.send(get("/stream")).read_to("first\n\r\n");
  const auto exchange = held();
  server_->stop();
  EXPECT_TRUE(returned_.wait());
  EXPECT_EQ(gone_, 1);
  EXPECT_FALSE(has(c.rest(), "0\r\n"));
  end();
  exchange->write("after the server");  // an exchange may outlive it
  exchange->finish();
  Flag told;
  exchange->on_gone([&] { told.set(); });
  EXPECT_TRUE(told.wait());
}

TEST_F(HttpTest, RunsWhatOthersPost) {
  serve();
  std::string order;
  std::thread::id in;
  Flag done;
  server_->after(.05, [&] {
    order += "c";
    done.set();
  });
  server_->post([&] {
    in = std::this_thread::get_id();
    order += "a";
  });
  server_->post([&] { order += "b"; });
  EXPECT_TRUE(done.wait());
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(in, thread_.get_id());
}

TEST_F(HttpTest, ListensOnIPv6) {
  const int probe = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_loopback;
  const bool has_v6 =
      probe >= 0 && ::bind(probe, reinterpret_cast<sockaddr*>(&six), sizeof six) == 0;
  if (probe >= 0) ::close(probe);
  if (!has_v6) GTEST_SKIP() << "this machine has no IPv6";
  serve({}, {}, "::1");
  EXPECT_TRUE(has(Client(server_->port(), true).send(get("/a")).response(), "X-Peer: ::1\r\n"));
  end();
  serve({}, {}, "::");  // both
  EXPECT_TRUE(has(client().send(get("/a")).response(), "X-Peer: 127.0.0.1\r\n"));
}

TEST_F(HttpTest, ListenErrorsSayWhatHelps) {
  serve();
  const auto error = [](const std::string& address, uint16_t port) -> std::string {
    HttpServer other({}, [](HttpRequest, std::shared_ptr<HttpExchange>) {});
    try {
      other.listen(address, port);
    } catch (const Error& e) {
      return std::string(e.what()) + " | " + e.hint();
    }
    return "no error";
  };
  const std::string port = std::to_string(server_->port());
  EXPECT_EQ(error("127.0.0.1", server_->port()),
            "127.0.0.1:" + port +
                ": another program listens there; wanted a free port | choose another port, or see "
                "which program it is: ss -ltnp 'sport = :" +
                port + "'");
  EXPECT_EQ(error("example.org", 0),
            "\"example.org\" is no address to listen at; wanted an IP address or localhost | "
            "127.0.0.1 is for programs of this machine, 0.0.0.0 (IPv6: ::) for all");
  EXPECT_TRUE(
      error("192.0.2.1", 0)
          .starts_with("192.0.2.1:0: the address is not of this machine; wanted one that is | "));
  EXPECT_EQ(error("localhost", 0), "no error");
  HttpServer again({}, [](HttpRequest, std::shared_ptr<HttpExchange>) {});
  EXPECT_THROW(again.listen("127.0.0.1", server_->port()), Error);
  EXPECT_NO_THROW(again.listen("127.0.0.1", 0));
}

TEST_F(HttpTest, TheSamePortIsFreeAgainAtOnce) {
  serve();
  const uint16_t port = server_->port();
  Client c = client();
  EXPECT_EQ(status_of(c.send(get("/a", "Connection: close\r\n")).rest()), 200);
  c.close();  // second, so that the server's side stays in TIME_WAIT
  EXPECT_TRUE(becomes([&] { return server_->counts().connections == 0; }));
  end();
  HttpServer next({}, [](HttpRequest, std::shared_ptr<HttpExchange>) {});
  EXPECT_NO_THROW(next.listen("127.0.0.1", port));
}

}  // namespace
}  // namespace lineage
