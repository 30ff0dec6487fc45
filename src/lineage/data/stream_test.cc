#include "lineage/data/stream.h"

#include "lineage/data/testing.h"

namespace lineage {
namespace {

using namespace lineage::testing;

std::string all_of(std::unique_ptr<ByteStream> stream, size_t piece = 100) {
  std::string out, buffer(piece, '\0');
  while (const size_t n = stream->read(buffer.data(), piece)) out.append(buffer, 0, n);
  return out;
}

std::string long_text() {
  std::string text;
  for (int i = 0; i < 60000; ++i) text += "line " + std::to_string(i * 7919 % 60000) + "\n";
  return text;
}

TEST(Stream, UnpacksWhatTheFirstBytesSay) {
  const std::string text = long_text();
  EXPECT_EQ(all_of(stream_of(text, "t")), text);
  EXPECT_EQ(all_of(stream_of(gzip(text), "t")), text);
  EXPECT_EQ(all_of(stream_of(zstd(text), "t")), text);
  EXPECT_EQ(all_of(stream_of("", "t")), "");
  EXPECT_EQ(all_of(stream_of("\x1f", "t")), "\x1f");
  EXPECT_EQ(all_of(stream_of(gzip(""), "t")), "");
}

TEST(Stream, ReadsAllMembersAndFrames) {
  const std::string padded = gzip("one,") + gzip("") + gzip("two") + std::string(3, '\0');
  EXPECT_EQ(all_of(stream_of(padded, "t")), "one,two");
  EXPECT_EQ(all_of(stream_of(zstd("one,") + zstd("two"), "t")), "one,two");
}

TEST(Stream, OpensFilesPackedOrNot) {
  const TempFolder folder;
  const std::string path = folder.write("a.bin", gzip("hello"));
  EXPECT_EQ(all_of(open_stream(path)), "hello");
  EXPECT_EQ(all_of(open_stream(path, Packed::as_is)), gzip("hello"));
}

TEST(Stream, CutOrDamagedDataIsAnError) {
  const std::string packed = gzip(long_text());
  const auto error = [](const std::string& bytes) {
    return error_of([&] { all_of(stream_of(bytes, "a.gz")); });
  };
  EXPECT_EQ(error(packed.substr(0, 1000)),
            "a.gz: gzip data, byte 1000: the data ends inside a member; wanted a whole gzip file");
  std::string damaged = packed;
  damaged[packed.size() / 2] ^= 0x55;
  EXPECT_NE(error(damaged).find("a.gz: gzip data, byte "), std::string::npos);
  damaged = packed;
  damaged[packed.size() - 6] ^= 1;  // the CRC
  EXPECT_NE(error(damaged).find("incorrect data check"), std::string::npos);
  EXPECT_NE(error(packed + "garbage").find("incorrect header check"), std::string::npos);
  const std::string frames = zstd(long_text());
  EXPECT_NE(error(frames.substr(0, 500)).find("the data ends inside a frame"), std::string::npos);
  damaged = frames;
  damaged[frames.size() / 2] ^= 0x55;
  EXPECT_NE(error(damaged).find("a.gz: zstd data, byte "), std::string::npos);
  EXPECT_NE(
      error_of([] { open_stream("/no/such/file"); }).find("/no/such/file: cannot open: No such"),
      std::string::npos);
}

TEST(Reader, GivesLinesWithTheirEnds) {
  Reader reader(stream_of("one\n\nthree", "t"));
  std::string line;
  EXPECT_TRUE(reader.line(line, 100));
  EXPECT_EQ(line, "one\n");
  EXPECT_EQ(reader.offset(), 4);
  EXPECT_TRUE(reader.line(line, 100));
  EXPECT_EQ(line, "one\n\n");  // appended
  EXPECT_EQ(reader.peek(), 't');
  line.clear();
  EXPECT_TRUE(reader.line(line, 100));
  EXPECT_EQ(line, "three");
  EXPECT_EQ(reader.peek(), -1);
  EXPECT_FALSE(reader.line(line, 100));
}

TEST(Reader, HoldsToLimitsAndBlocks) {
  Reader reader(stream_of("0123456789\nabc", "t"));
  std::string out;
  EXPECT_TRUE(reader.line(out, 4));
  EXPECT_EQ(out, "0123");
  reader.skip_line();
  EXPECT_EQ(reader.offset(), 11);
  out.clear();
  EXPECT_EQ(reader.take(out, 2), 2u);
  EXPECT_EQ(reader.take(out, 5), 1u);
  EXPECT_EQ(out, "abc");
  EXPECT_EQ(reader.skip(5), 0u);
}

TEST(Reader, LinesAreWholeAcrossItsBuffer) {
  const std::string text = long_text();
  Reader reader(stream_of(text, "t"));
  std::string all;
  int lines = 0;
  for (std::string line; reader.line(line, 1000); line.clear(), ++lines) {
    ASSERT_EQ(line.back(), '\n');
    ASSERT_TRUE(line.starts_with("line "));
    all += line;
  }
  EXPECT_EQ(lines, 60000);
  EXPECT_EQ(all, text);
}

}  // namespace
}  // namespace lineage
