#include <fcntl.h>
#include <fmt/color.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>

#include "lineage/base/clock.h"
#include "lineage/base/parallel.h"
#include "lineage/base/system_error.h"
#include "lineage/cli/commands.h"

namespace lineage::cli {
namespace {

// Written by the handler, read by every thread that can stop.
std::atomic<int> interrupt_count = 0, urgent_count = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a handler may use no other");

// A person who presses Ctrl-C twice, or kills twice, does not want to wait. SIGHUP and SIGUSR1 come
// before such a signal (a terminal that closes, a scheduler's warning) and are no reason to hurry.
extern "C" void on_interrupt(int signal) {
  const bool urgent = signal == SIGINT || signal == SIGTERM;
  ++interrupt_count;
  if (urgent && ++urgent_count > 1) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

int stop_pipe[2] = {-1, -1};  // has a byte for each SIGINT that a conversation has to see

extern "C" void on_stop(int signal) {
  on_interrupt(signal);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(stop_pipe[1], "", 1);
  errno = error;
}

// Prints progress. A write that fails (a full disk, a closed terminal) does not end the run, as
// progress is no result.
void tell(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

// One line that is written over, with a bar.
class Live final : public Progress {
 public:
  ~Live() override { clear(); }
  void update(std::string_view what, double fraction, std::string_view detail) override {
    constexpr std::chrono::milliseconds kBetween(100);
    if (Clock::now() - last_ < kBetween && fraction < 1) return;
    last_ = Clock::now();
    constexpr int kWidth = 24;
    const int filled = static_cast<int>(fraction * kWidth);
    std::string line =
        fmt::format("{} [{:=<{}}{:<{}}] {:3.0f} %  {}", what, "", filled,
                    filled < kWidth ? ">" : "", kWidth - filled, 100 * fraction, detail);
    if (const size_t columns = terminal_columns(); line.size() >= columns) line.resize(columns - 1);
    tell("\r\x1b[K" + line);
    shown_ = true;
  }
  void note(std::string_view line) override {
    clear();
    tell(fmt::format("{}\n", line));
  }

 private:
  void clear() {
    if (shown_) tell("\r\x1b[K");
    shown_ = false;
  }
  Clock::time_point last_{};
  bool shown_ = false;
};

// A line every few seconds, and at the end of each piece.
class Plain final : public Progress {
 public:
  void update(std::string_view what, double fraction, std::string_view detail) override {
    constexpr std::chrono::seconds kBetween(10);
    if (what != piece_) last_ = {}, piece_ = what;
    if (Clock::now() - last_ < kBetween && fraction < 1) return;
    last_ = Clock::now();
    tell(fmt::format("{} {:3.0f} %  {}\n", what, 100 * fraction, detail));
  }
  void note(std::string_view line) override { tell(fmt::format("{}\n", line)); }

 private:
  Clock::time_point last_{};
  std::string piece_;
};

}  // namespace

size_t terminal_columns() {
  constexpr size_t kDefault = 100;
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kDefault;
}

std::unique_ptr<Progress> terminal_progress() {
  if (::isatty(STDERR_FILENO)) return std::make_unique<Live>();
  return std::make_unique<Plain>();
}

void catch_interrupts() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::signal(SIGUSR1, on_interrupt);
  // nohup ignores it, so that the run outlives its terminal.
  if (std::signal(SIGHUP, on_interrupt) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
}

void catch_stop_of_answer() {
  if (::pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
    throw system_error("terminal", "wait for a signal", errno);
  std::signal(SIGINT, on_stop);
}

void forget_interrupt() {
  interrupt_count = urgent_count = 0;
  for (char byte; stop_pipe[0] >= 0 && ::read(stop_pipe[0], &byte, 1) > 0;) continue;
}

// Waits for the line or the signal, whichever thread that comes to, and however early.
std::optional<std::string> read_line() {
  if (stop_pipe[0] >= 0) {
    pollfd either[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                       {.fd = stop_pipe[0], .events = POLLIN, .revents = 0}};
    while (::poll(either, std::size(either), -1) < 0 && errno == EINTR) continue;
    if (either[1].revents != 0) return {};
  }
  std::string line;
  if (!std::getline(std::cin, line)) return {};
  return line;
}

void print_error(const std::string& what, const std::string& hint, bool colour) {
  const auto red = colour ? fmt::emphasis::bold | fg(fmt::terminal_color::red) : fmt::text_style{};
  std::string text = fmt::format("{} {}\n", fmt::format(red, "error:"), what);
  if (!hint.empty()) text += fmt::format("help:  {}\n", hint);
  std::fputs(text.c_str(), stderr);  // if this fails, too, nothing else could report it
}

bool interrupted() { return interrupt_count > 0; }

std::filesystem::path home_folder() {
  const char* home = std::getenv("HOME");
  return home ? home : "";
}

void set_threads(int threads) {
  if (threads > 0) set_num_threads(threads);
}

}  // namespace lineage::cli
