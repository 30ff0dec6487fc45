#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace lineage {

// Bytes in sequence: a file, plain or packed by gzip or zstd, or memory. One thread at a time.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Up to `capacity` bytes into `out`; 0 at the end only. Packed data that is cut or damaged is an
  // Error that names the file and the byte.
  virtual size_t read(char* out, size_t capacity) = 0;
  // Bytes taken so far from the stream below: of a packed file, the packed ones.
  virtual int64_t consumed() const = 0;
};

enum class Packed : bool { as_is, unpack };

// `unpack` looks at the first bytes, not at the name: gzip (any number of members) and zstd (any
// number of frames) are unpacked, everything else is passed on.
std::unique_ptr<ByteStream> open_stream(const std::filesystem::path&, Packed = Packed::unpack);
// The same over bytes that outlive the stream; `place` names them in errors.
std::unique_ptr<ByteStream> stream_of(std::string_view bytes, std::string place);

// Lines and blocks of a stream, with the offset of each.
class Reader {
 public:
  Reader() = default;
  explicit Reader(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  // Appends the rest of the current line with its "\n" (the last may lack it), but at most `limit`
  // bytes; the next call then continues inside the line. False when nothing is left.
  bool line(std::string& out, size_t limit);
  // Skips the rest of the current line.
  void skip_line();
  // Appends up to `bytes`; less only at the end. Returns their number.
  size_t take(std::string& out, size_t bytes);
  size_t skip(size_t bytes);
  int peek();  // the next byte, or -1 at the end
  // The next bytes, without taking them: `bytes` or more, less only at the end. Valid until the
  // next call.
  std::string_view peek_bytes(size_t bytes);

  int64_t offset() const { return offset_; }  // of the next byte, in the unpacked stream
  int64_t consumed() const { return stream_ ? stream_->consumed() : 0; }
  bool open() const { return stream_ != nullptr; }

 private:
  bool fill();  // false at the end
  size_t advance(std::string* out, size_t bytes);

  std::unique_ptr<ByteStream> stream_;
  std::string buffer_;
  size_t at_ = 0;
  int64_t offset_ = 0;
};

}  // namespace lineage
