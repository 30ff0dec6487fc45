#pragma once

#include <string_view>
#include <utility>

namespace lineage {

// An open file descriptor, closed with its owner. All are close-on-exec.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// The two ends of a pipe; reading never blocks.
struct Pipe {
  Descriptor read, write;
};
Pipe make_pipe();

// An anonymous file in memory with these bytes, at its start.
Descriptor memory_file(std::string_view bytes);

}  // namespace lineage
