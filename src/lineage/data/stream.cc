#include "lineage/data/stream.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "lineage/base/error.h"

namespace lineage {
namespace {

constexpr size_t kBuffer = 256 * 1024;

[[noreturn]] void fail_packed(const std::string& place, const char* format, int64_t at,
                              const std::string& seen) {
  throw Error(place + ": " + format + " data, byte " + std::to_string(at) + ": " + seen +
                  "; wanted a whole " + format + " file",
              "fetch the file again, or test it with " +
                  std::string(std::strcmp(format, "gzip") == 0 ? "gzip -t" : "zstd -t"));
}

class FileBytes final : public ByteStream {
 public:
  explicit FileBytes(const std::filesystem::path& path) : path_(path.string()) {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) fail("open");
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~FileBytes() override { ::close(fd_); }
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  size_t read(char* out, size_t capacity) override {
    for (;;) {
      const ssize_t n = ::read(fd_, out, capacity);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("read");
      consumed_ += n;
      return static_cast<size_t>(n);
    }
  }
  int64_t consumed() const override { return consumed_; }

 private:
  [[noreturn]] void fail(const char* doing) const {
    throw Error(path_ + ": cannot " + doing + ": " + std::strerror(errno),
                "check that it is there and may be read: ls -l " + path_);
  }
  std::string path_;
  int fd_ = -1;
  int64_t consumed_ = 0;
};

class MemoryBytes final : public ByteStream {
 public:
  explicit MemoryBytes(std::string_view bytes) : bytes_(bytes) {}
  size_t read(char* out, size_t capacity) override {
    const size_t n = bytes_.copy(out, capacity, at_);
    at_ += n;
    return n;
  }
  int64_t consumed() const override { return static_cast<int64_t>(at_); }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

// A stream whose first bytes were already read, to recognise their kind.
class Resumed final : public ByteStream {
 public:
  Resumed(std::string head, std::unique_ptr<ByteStream> rest)
      : head_(std::move(head)), rest_(std::move(rest)) {}
  size_t read(char* out, size_t capacity) override {
    if (at_ == head_.size()) return rest_->read(out, capacity);
    const size_t n = head_.copy(out, capacity, at_);
    at_ += n;
    return n;
  }
  int64_t consumed() const override { return rest_->consumed(); }

 private:
  std::string head_;
  size_t at_ = 0;
  std::unique_ptr<ByteStream> rest_;
};

// Shared by the two unpackers: a window of packed bytes that is refilled from below.
class Unpacker : public ByteStream {
 public:
  Unpacker(std::unique_ptr<ByteStream> below, std::string place)
      : below_(std::move(below)), place_(std::move(place)), buffer_(kBuffer, '\0') {}
  int64_t consumed() const override { return below_->consumed(); }

 protected:
  bool refill() {  // only when the window is empty; false at the end
    begin_ = 0;
    end_ = below_->read(buffer_.data(), buffer_.size());
    taken_ += static_cast<int64_t>(end_);
    return end_ > 0;
  }
  bool window_empty() const { return begin_ == end_; }
  int64_t position() const { return taken_ - static_cast<int64_t>(end_ - begin_); }

  std::unique_ptr<ByteStream> below_;
  std::string place_, buffer_;
  size_t begin_ = 0, end_ = 0;
  int64_t taken_ = 0;
};

class GzipStream final : public Unpacker {
 public:
  GzipStream(std::unique_ptr<ByteStream> below, std::string place)
      : Unpacker(std::move(below), std::move(place)) {
    if (::inflateInit2(&z_, 15 + 16) != Z_OK) throw Error(place_ + ": no memory to unpack gzip");
  }
  ~GzipStream() override { ::inflateEnd(&z_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  size_t read(char* out, size_t capacity) override {
    z_.next_out = reinterpret_cast<Bytef*>(out);
    z_.avail_out = static_cast<uInt>(std::min<size_t>(capacity, 1u << 30));
    const size_t wanted = z_.avail_out;
    while (z_.avail_out == wanted) {
      if (!in_member_ && !next_member()) return 0;
      if (window_empty() && !refill())
        fail_packed(place_, "gzip", position(), "the data ends inside a member");
      inflate_window();
    }
    return wanted - z_.avail_out;
  }

 private:
  void inflate_window() {
    z_.next_in = reinterpret_cast<Bytef*>(buffer_.data() + begin_);
    z_.avail_in = static_cast<uInt>(end_ - begin_);
    const int status = ::inflate(&z_, Z_NO_FLUSH);
    begin_ = end_ - z_.avail_in;
    if (status == Z_STREAM_END) {
      in_member_ = false;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      fail_packed(place_, "gzip", position(), z_.msg ? z_.msg : "it is damaged");
    }
  }

  // Members follow each other; zeros that pad the end of a file are skipped, as by gzip.
  bool next_member() {
    do {
      while (begin_ < end_ && buffer_[begin_] == '\0') ++begin_;
    } while (window_empty() && refill());
    if (window_empty()) return false;
    ::inflateReset(&z_);
    return in_member_ = true;
  }

  z_stream z_ = {};
  bool in_member_ = false;
};

class ZstdStream final : public Unpacker {
 public:
  ZstdStream(std::unique_ptr<ByteStream> below, std::string place)
      : Unpacker(std::move(below), std::move(place)), z_(::ZSTD_createDStream()) {
    if (!z_) throw Error(place_ + ": no memory to unpack zstd");
  }
  ~ZstdStream() override { ::ZSTD_freeDStream(z_); }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;

  size_t read(char* out, size_t capacity) override {
    ZSTD_outBuffer to{out, capacity, 0};
    while (to.pos == 0) {
      if (window_empty() && !refill()) {
        if (!in_frame_) return 0;
        fail_packed(place_, "zstd", position(), "the data ends inside a frame");
      }
      ZSTD_inBuffer from{buffer_.data(), end_, begin_};
      const size_t status = ::ZSTD_decompressStream(z_, &to, &from);
      begin_ = from.pos;
      if (::ZSTD_isError(status))
        fail_packed(place_, "zstd", position(), ::ZSTD_getErrorName(status));
      in_frame_ = status != 0;
    }
    return to.pos;
  }

 private:
  ZSTD_DStream* z_;
  bool in_frame_ = false;
};

std::unique_ptr<ByteStream> unpacked(std::unique_ptr<ByteStream> below, std::string place) {
  std::string head(4, '\0');
  size_t n = 0;
  while (n < head.size())
    if (const size_t got = below->read(head.data() + n, head.size() - n); got > 0)
      n += got;
    else
      break;
  head.resize(n);
  const bool gzip = head.starts_with("\x1f\x8b");
  const bool zstd = head == "\x28\xb5\x2f\xfd";
  auto all = std::make_unique<Resumed>(std::move(head), std::move(below));
  if (gzip) return std::make_unique<GzipStream>(std::move(all), std::move(place));
  if (zstd) return std::make_unique<ZstdStream>(std::move(all), std::move(place));
  return all;
}

}  // namespace

std::unique_ptr<ByteStream> open_stream(const std::filesystem::path& path, Packed packed) {
  auto file = std::make_unique<FileBytes>(path);
  if (packed == Packed::as_is) return file;
  return unpacked(std::move(file), path.string());
}

std::unique_ptr<ByteStream> stream_of(std::string_view bytes, std::string place) {
  return unpacked(std::make_unique<MemoryBytes>(bytes), std::move(place));
}

bool Reader::fill() {
  if (at_ < buffer_.size()) return true;
  if (!stream_) return false;
  buffer_.resize(kBuffer);
  buffer_.resize(stream_->read(buffer_.data(), buffer_.size()));
  at_ = 0;
  return !buffer_.empty();
}

std::string_view Reader::peek_bytes(size_t bytes) {
  while (fill() && buffer_.size() - at_ < bytes) {
    buffer_.erase(0, std::exchange(at_, 0));
    const size_t have = buffer_.size();
    buffer_.resize(have + kBuffer);
    buffer_.resize(have + stream_->read(buffer_.data() + have, kBuffer));
    if (buffer_.size() == have) break;
  }
  return std::string_view(buffer_).substr(at_);
}

int Reader::peek() { return fill() ? static_cast<unsigned char>(buffer_[at_]) : -1; }

size_t Reader::advance(std::string* out, size_t bytes) {
  if (out) out->append(buffer_, at_, bytes);
  at_ += bytes;
  offset_ += static_cast<int64_t>(bytes);
  return bytes;
}

bool Reader::line(std::string& out, size_t limit) {
  bool any = false;
  while (limit > 0 && fill()) {
    any = true;
    const size_t reach = std::min(limit, buffer_.size() - at_);
    const void* end = std::memchr(buffer_.data() + at_, '\n', reach);
    const size_t n =
        end ? static_cast<size_t>(static_cast<const char*>(end) - buffer_.data()) - at_ + 1 : reach;
    limit -= advance(&out, n);
    if (end) break;
  }
  return any;
}

void Reader::skip_line() {
  while (fill()) {
    const size_t end = buffer_.find('\n', at_);
    advance(nullptr, (end == std::string::npos ? buffer_.size() : end + 1) - at_);
    if (end != std::string::npos) return;
  }
}

size_t Reader::take(std::string& out, size_t bytes) {
  size_t taken = 0;
  while (taken < bytes && fill())
    taken += advance(&out, std::min(bytes - taken, buffer_.size() - at_));
  return taken;
}

size_t Reader::skip(size_t bytes) {
  size_t passed = 0;
  while (passed < bytes && fill())
    passed += advance(nullptr, std::min(bytes - passed, buffer_.size() - at_));
  return passed;
}

}  // namespace lineage
