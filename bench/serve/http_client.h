#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/clock.h"

namespace lineage {

// An answer as it came, without the framing of HTTP.
struct Answer {
  int status = 0;
  std::string body;
  Clock::time_point sent{}, first_byte{}, end{};  // first_byte: of the body
  double seconds() const { return std::chrono::duration<double>(end - sent).count(); }
  double first_seconds() const { return std::chrono::duration<double>(first_byte - sent).count(); }
};

class Connection;

// All connections of the one thread (epoll).
class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  // Waits for the next bytes, at most so long, and calls what the connections want called.
  void run(int milliseconds);
  // Until the condition holds; an Error after so many seconds.
  void run_until(const std::function<bool()>& done, double seconds, const std::string& what);

 private:
  friend class Connection;
  int epoll_;
};

// A keep-alive connection to 127.0.0.1, which connects itself again when the server closed it. Its
// functions are called by the poller's thread; a callback must not destroy the connection.
class Connection {
 public:
  Connection(Poller&, uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The whole of a request; on_answer follows, or on_lost.
  void request(std::string bytes);
  // Bytes that are no whole request.
  void send_part(std::string bytes);
  void close();
  // A slow reader gets nothing but by read_some(), and has a small buffer in the kernel.
  void read_slowly();
  void read_some(size_t most);

  bool busy() const { return busy_; }
  bool open() const { return fd_ >= 0; }
  bool slow() const { return slow_; }
  const Answer& answer() const { return answer_; }  // as far as it has come

  std::function<void(Connection&)> on_answer;
  std::function<void(Connection&)> on_lost;  // the server closed it inside of an answer

 private:
  friend class Poller;
  enum class Part : uint8_t { head, length, chunk_size, chunk, chunk_end, until_close };
  void connect();
  void watch();
  void write();
  void take(std::string_view);
  void take_head();
  void add_body(std::string_view);
  void finish();
  void lost();

  Poller& poller_;
  const uint16_t port_;
  int fd_ = -1;
  bool busy_ = false, slow_ = false;
  uint32_t watched_ = 0;
  std::string out_;
  size_t sent_ = 0;
  Part part_ = Part::head;
  std::string line_;  // of the head, or of a chunk's size
  int64_t left_ = 0;  // of the body or of a chunk
  bool closes_ = false;
  Answer answer_;
};

// "POST /v1/completions …" with its body.
std::string post(std::string_view path, std::string_view json);
std::string get(std::string_view path);

// Sends it over a connection of its own and waits.
Answer ask_once(Poller&, uint16_t port, const std::string& request, double seconds = 60);

// A line of /metrics.
double metric(Poller&, Connection&, const std::string& name);

}  // namespace lineage
