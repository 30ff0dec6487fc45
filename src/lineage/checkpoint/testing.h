#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/testing.h"
#include "lineage/checkpoint/model.h"

namespace lineage::testing {

inline void write_bytes(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// The file with the bits of `mask` flipped in the byte at `offset`.
inline void flip(const fs::path& path, size_t offset, char mask = 1) {
  std::string bytes = read_file(path);
  bytes.at(offset) = static_cast<char>(bytes[offset] ^ mask);
  write_bytes(path, bytes);
}

// The Error's message, with its hint after " | "; "" when nothing is thrown.
template <class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const Error& e) {
    return std::string(e.what()) + (e.hint().empty() ? "" : " | " + e.hint());
  }
  return "";
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

#define EXPECT_SAYS(body, part)                                                    \
  do {                                                                             \
    const std::string said_ = ::lineage::testing::error_of([&] { (void)(body); }); \
    EXPECT_TRUE(::lineage::testing::has(said_, part)) << "it said: " << said_;     \
  } while (false)

// A process that repeats `body` until it is killed, by the destructor at the latest.
class KilledProcess {
 public:
  template <class Body>
  explicit KilledProcess(Body body) : pid_(::fork()) {
    if (pid_ != 0) return;
    try {
      for (;;) body();
    } catch (...) {
    }
    ::_exit(1);
  }
  ~KilledProcess() { kill(); }
  KilledProcess(const KilledProcess&) = delete;
  KilledProcess& operator=(const KilledProcess&) = delete;
  // True when it was still running.
  bool kill() {
    if (pid_ <= 0) return false;
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFSIGNALED(status);
  }

 private:
  pid_t pid_;
};

inline GptConfig tiny_config() {
  GptConfig c;
  c.layers = 2;
  c.width = 8;
  c.heads = 2;
  c.context = 6;
  c.vocab = 11;
  return c;
}

// A model with random weights, biases too, so that no two tensors are alike.
inline Model random_model(const GptConfig& config, uint64_t seed) {
  Model model = make_model(config, false);
  const auto values = model.parameters->values().data<float>();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((i * 2654435761u + seed * 40503u) % 10007) / 5003.5f - 1;
  return model;
}

inline bool same_values(const Parameters& a, const Parameters& b) {
  return a.numel() == b.numel() && std::memcmp(a.values().bytes(), b.values().bytes(),
                                               static_cast<size_t>(a.values().byte_size())) == 0;
}

}  // namespace lineage::testing
