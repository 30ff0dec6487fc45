#include "bench/serve/http_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "lineage/base/error.h"

namespace lineage {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  require(epoll_ >= 0, "epoll: cannot be made; wanted one");
}

Poller::~Poller() { ::close(epoll_); }

void Poller::run(int milliseconds) {
  std::array<epoll_event, 256> events{};
  const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), milliseconds);
  for (int i = 0; i < n; ++i) {
    auto& c = *static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
    const uint32_t what = events[static_cast<size_t>(i)].events;
    if (c.open() && (what & EPOLLOUT)) c.write();
    if (!c.open()) continue;
    if (c.slow_ && (what & (EPOLLHUP | EPOLLERR)))
      c.read_some(1 << 16);
    else if (what & (EPOLLIN | EPOLLHUP | EPOLLERR))
      c.read_some(SIZE_MAX);
  }
}

void Poller::run_until(const std::function<bool()>& done, double seconds, const std::string& what) {
  const auto begin = Clock::now();
  while (!done()) {
    require(seconds_since(begin) < seconds, what, ": nothing for ", seconds,
            " s; wanted it sooner");
    run(20);
  }
}

Connection::Connection(Poller& poller, uint16_t port) : poller_(poller), port_(port) {}
Connection::~Connection() { close(); }

void Connection::connect() {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  require(fd_ >= 0, "socket: cannot be made; wanted more files (ulimit -n)");
  const int on = 1, small = 2048;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (slow_) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);  // a fault shows when writing
  epoll_event e{};
  e.data.ptr = this;
  watched_ = 0;
  epoll_ctl(poller_.epoll_, EPOLL_CTL_ADD, fd_, &e);
  part_ = Part::head;
  line_.clear();
  watch();
}

void Connection::watch() {
  epoll_event e{};
  e.data.ptr = this;
  e.events = (slow_ ? 0u : EPOLLIN) | (sent_ < out_.size() ? EPOLLOUT : 0u);
  if (e.events == watched_) return;
  watched_ = e.events;
  epoll_ctl(poller_.epoll_, EPOLL_CTL_MOD, fd_, &e);
}

void Connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  busy_ = false;
  out_.clear(), sent_ = 0;
}

void Connection::read_slowly() {
  close();
  slow_ = true;
}

void Connection::request(std::string bytes) {
  send_part(std::move(bytes));
  answer_ = {};
  answer_.sent = Clock::now();
  busy_ = true;
}

void Connection::send_part(std::string bytes) {
  if (fd_ < 0) {
    connect();
    out_ = std::move(bytes), sent_ = 0;
    return watch();
  }
  if (sent_ == out_.size()) out_.clear(), sent_ = 0;
  out_ += bytes;
  write();
}

void Connection::write() {
  while (sent_ < out_.size()) {
    const ssize_t n = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0) break;  // not now, or closed: what the server said before is still to be read
    sent_ += static_cast<size_t>(n);
  }
  if (errno == EPIPE || errno == ECONNRESET) sent_ = out_.size(), errno = 0;
  watch();
}

void Connection::read_some(size_t most) {
  std::array<char, 1 << 16> buffer;
  while (fd_ >= 0 && most > 0) {
    const size_t wanted = std::min(most, buffer.size());
    const ssize_t n = recv(fd_, buffer.data(), wanted, 0);
    if (n > 0) {
      most -= static_cast<size_t>(n);
      take({buffer.data(), static_cast<size_t>(n)});
      if (static_cast<size_t>(n) < wanted) return;
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    } else {
      if (busy_ && part_ == Part::until_close)
        finish();
      else
        lost();
      return;
    }
  }
}

void Connection::lost() {
  const bool inside = busy_;
  close();
  if (inside && on_lost) on_lost(*this);
}

void Connection::take(std::string_view bytes) {
  while (!bytes.empty() && fd_ >= 0) {
    if (part_ == Part::head || part_ == Part::chunk_size || part_ == Part::chunk_end) {
      const size_t end = bytes.find('\n');
      line_ += bytes.substr(0, end == bytes.npos ? end : end + 1);
      if (end == bytes.npos) return;
      bytes.remove_prefix(end + 1);
      if (part_ == Part::head) {
        if (line_.ends_with("\r\n\r\n")) take_head();
        continue;
      }
      if (part_ == Part::chunk_size) {
        std::from_chars(line_.data(), line_.data() + line_.size(), left_, 16);
        part_ = left_ > 0 ? Part::chunk : Part::chunk_end;
        line_.clear();
        continue;
      }
      line_.clear();
      if (left_ == 0)
        finish();
      else
        part_ = Part::chunk_size;
      continue;
    }
    const auto n = part_ == Part::until_close
                       ? bytes.size()
                       : static_cast<size_t>(std::min<int64_t>(left_, std::ssize(bytes)));
    add_body(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (part_ == Part::until_close) continue;
    left_ -= static_cast<int64_t>(n);
    if (left_ > 0) continue;
    if (part_ == Part::length) {
      finish();
    } else {
      left_ = -1;  // a chunk has ended, not the body
      part_ = Part::chunk_end;
    }
  }
}

void Connection::take_head() {
  const std::string head = lower(line_);
  line_.clear();
  answer_.status = 0;
  std::from_chars(head.data() + 9, head.data() + std::min<size_t>(12, head.size()), answer_.status);
  if (answer_.status == 100) return;
  closes_ = head.find("\r\nconnection: close") != head.npos;
  const size_t length = head.find("\r\ncontent-length: ");
  if (head.find("\r\ntransfer-encoding: chunked") != head.npos) {
    part_ = Part::chunk_size;
  } else if (length == head.npos) {
    part_ = Part::until_close;
  } else {
    left_ = 0;
    std::from_chars(head.data() + length + 18, head.data() + head.size(), left_);
    part_ = Part::length;
    if (left_ == 0) finish();
  }
}

void Connection::add_body(std::string_view bytes) {
  if (answer_.body.empty()) answer_.first_byte = Clock::now();
  answer_.body += bytes;
}

void Connection::finish() {
  answer_.end = Clock::now();
  part_ = Part::head;
  busy_ = false;
  if (closes_) close();
  if (on_answer) on_answer(*this);
}

std::string post(std::string_view path, std::string_view json) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      path, json.size(), json);
}

std::string get(std::string_view path) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
}

Answer ask_once(Poller& poller, uint16_t port, const std::string& request, double seconds) {
  Connection c(poller, port);
  bool gone = false;
  c.on_lost = [&](Connection&) { gone = true; };
  c.request(request);
  poller.run_until([&] { return gone || !c.busy(); }, seconds, "the server");
  require(!gone, "the server: closed a connection without an answer; wanted one");
  return c.answer();
}

double metric(Poller& poller, Connection& c, const std::string& name) {
  c.request(get("/metrics"));
  poller.run_until([&] { return !c.busy(); }, 60, "/metrics");
  const std::string& text = c.answer().body;
  const size_t at = text.find("\nlineage_" + name + " ");
  require(at != text.npos, "/metrics: has no lineage_", name, "; wanted it");
  return std::stod(text.substr(at + name.size() + 10));
}

}  // namespace lineage
