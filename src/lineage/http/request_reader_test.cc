#include "lineage/http/request_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "lineage/http/message.h"

namespace lineage {
namespace {

using State = RequestReader::State;

const HttpLimits kSmall = {.header_bytes = 256, .header_fields = 4, .body_bytes = 64};

struct Read {
  State state = State::empty;
  size_t used = 0;
  HttpRequest request;
  int fault = 0;
  bool keep_alive = false;
};

// Feeds all at once and byte by byte; both must give the same.
Read read(std::string_view bytes) {
  RequestReader whole(kSmall), split(kSmall);
  Read r;
  r.used = whole.feed(bytes);
  r.state = whole.state();
  size_t used = 0;
  while (used < bytes.size() && split.feed(bytes.substr(used, 1)) == 1) ++used;
  EXPECT_EQ(split.state(), r.state) << bytes;
  EXPECT_EQ(used, r.used) << bytes;
  EXPECT_EQ(split.fault().status, whole.fault().status) << bytes;
  EXPECT_EQ(split.fault().message, whole.fault().message) << bytes;
  if (r.state == State::complete) {
    r.keep_alive = whole.keep_alive();
    r.request = whole.take();
    if (split.state() == State::complete) {
      EXPECT_EQ(split.take().body, r.request.body);
    }
  }
  r.fault = whole.fault().status;
  return r;
}

std::string post(std::string_view headers, std::string_view body = {}) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n" + std::string(body);
}
constexpr std::string_view kChunked = "Transfer-Encoding: chunked\r\n";

TEST(RequestReader, ReadsARequestWithoutABody) {
  const std::string request =
      "GET /v1/models?x=1 HTTP/1.1\r\nHost: a\r\nX-Key:  Bearer a%42c \r\n\r\n";
  const Read r = read(request + "GET");
  ASSERT_EQ(r.state, State::complete);
  EXPECT_EQ(r.used, request.size());  // and not what follows
  EXPECT_EQ(r.request.method, "GET");
  EXPECT_EQ(r.request.target, "/v1/models?x=1");
  EXPECT_EQ(r.request.version, 11);
  EXPECT_EQ(r.request.header("x-key"), "Bearer a%42c");
  EXPECT_EQ(r.request.header("x-other"), std::nullopt);
  EXPECT_TRUE(r.keep_alive);
}

TEST(RequestReader, ReadsABodyOfAnyBytes) {
  const std::string body("\0\r\n\xff", 4);
  const Read r = read(post("Content-Length: 4\r\n", body + "more"));
  ASSERT_EQ(r.state, State::complete);
  EXPECT_EQ(r.request.body, body);
  EXPECT_EQ(read(post("Content-Length: 4\r\n", "abc")).state, State::body);
  EXPECT_EQ(read(post("Content-Length: 0\r\n")).state, State::complete);
}

TEST(RequestReader, ReadsChunksAndKeepsTrailersOutOfTheHeaders) {
  const std::string chunks = "3\r\nabc\r\n0A;name=\"v\"\r\n0123456789\r\n0\r\nX-Key: b\r\n\r\n";
  const Read r = read(post("Transfer-Encoding: CHUNKED\r\n", chunks + "GET"));
  ASSERT_EQ(r.state, State::complete);
  EXPECT_EQ(r.request.body, "abc0123456789");
  EXPECT_EQ(r.request.header("x-key"), std::nullopt);
  EXPECT_EQ(r.used, post("Transfer-Encoding: CHUNKED\r\n", chunks).size());
  const Read none = read(post(kChunked, "0\r\n\r\n"));
  ASSERT_EQ(none.state, State::complete);
  EXPECT_EQ(none.request.body, "");
}

TEST(RequestReader, ReadsOneRequestAfterAnother) {
  RequestReader reader(kSmall);
  std::string bytes = post(kChunked, "1\r\na\r\n0\r\n\r\n") + "\r\n" +
                      post("Content-Length: 1\r\n", "b") + "GET /c HTTP/1.0\r\n\r\n";
  std::string seen;
  while (!bytes.empty()) {
    bytes.erase(0, reader.feed(bytes));
    ASSERT_EQ(reader.state(), State::complete);
    const HttpRequest request = reader.take();
    seen += request.body + request.target + " ";
  }
  EXPECT_EQ(seen, "a/ b/ /c ");
  EXPECT_EQ(reader.state(), State::empty);
}

TEST(RequestReader, KeepAliveGoesByVersionAndConnection) {
  const auto keeps = [](std::string_view version, std::string_view header) {
    const Read r = read("GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n" +
                        std::string(header) + "\r\n");
    EXPECT_EQ(r.state, State::complete);
    return r.keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("1.1", "cOnnection: x, CLOSE\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
}

TEST(RequestReader, TellsWhoWaitsForContinue) {
  const auto waits = [](const std::string& bytes) {
    RequestReader reader(kSmall);
    reader.feed(bytes);
    return reader.wants_continue();
  };
  const std::string with = "Content-Length: 2\r\nExpect: 100-Continue\r\n";
  EXPECT_TRUE(waits(post(with)));
  EXPECT_FALSE(waits(post(with, "a")));
  EXPECT_FALSE(waits(post("Content-Length: 2\r\n")));
  EXPECT_FALSE(waits("POST / HTTP/1.0\r\n" + with + "\r\n"));
  EXPECT_EQ(read(post("Content-Length: 2\r\nExpect: a pony\r\n")).fault, 417);
}

TEST(RequestReader, LimitsHold) {
  // "GET / HTTP/1.1\r\nHost: a\r\nA: " and "\r\n\r\n" are 32 bytes.
  const auto of_size = [](size_t n) {
    return "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(n - 32, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(read(of_size(256)).state, State::complete);
  EXPECT_EQ(read(of_size(257)).fault, 431);
  EXPECT_EQ(read("GET /" + std::string(1000, 'x')).fault, 431);  // without an end in sight
  EXPECT_EQ(read(post("A: 1\r\nB: 2\r\nC: 3\r\n")).state, State::complete);
  EXPECT_EQ(read(post("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n")).fault, 431);
  EXPECT_EQ(read(post("Content-Length: 64\r\n")).state, State::body);
  EXPECT_EQ(read(post("Content-Length: 65\r\n")).fault, 413);  // before the body
  EXPECT_EQ(read(post(kChunked, "40\r\n")).state, State::body);
  EXPECT_EQ(read(post(kChunked, "41\r\n")).fault, 413);
  EXPECT_EQ(read(post(kChunked, "1\r\na\r\n40\r\n")).fault, 413);  // all of them count
  EXPECT_EQ(read(post(kChunked, "1;" + std::string(2000, 'x'))).fault, 400);
  EXPECT_EQ(read(post(kChunked, std::string(2000, '0'))).fault, 400);
  EXPECT_EQ(read(post(kChunked, "0\r\nA: " + std::string(300, 'x'))).fault, 431);
  EXPECT_EQ(read(post(kChunked, "0\r\na:1\r\nb:2\r\nc:3\r\n\r\n")).fault, 431);
}

// Whatever two readers could take for different requests (request smuggling).
TEST(RequestReader, RefusesLengthsThatCanBeReadInTwoWays) {
  EXPECT_EQ(read(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")).fault, 400);
  EXPECT_EQ(read(post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")).fault, 400);
  EXPECT_EQ(read(post("Content-Length: 3\r\nContent-Length: 4\r\n")).fault, 400);
  EXPECT_EQ(read(post("Content-Length: 3\r\nContent-Length: 3\r\n")).fault, 400);
  EXPECT_EQ(read(post("Content-Length: 3, 4\r\n")).fault, 400);
  for (const char* length : {"", "+3", "-3", "0x3", "3 3", "3.0", "99999999999999999999"})
    EXPECT_EQ(read(post("Content-Length: " + std::string(length) + "\r\n")).fault, 400) << length;
  EXPECT_EQ(read(post("Content-Length : 3\r\n")).fault, 400);
  EXPECT_EQ(read(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")).fault, 400);
  EXPECT_EQ(read(post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n")).fault, 400);
  for (const char* coding : {"gzip", "gzip, chunked", "chunked, gzip", "xchunked", "identity", ""})
    EXPECT_EQ(read(post("Transfer-Encoding: " + std::string(coding) + "\r\n")).fault, 501)
        << coding;
  EXPECT_EQ(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").fault, 400);
}

TEST(RequestReader, RefusesBadChunks) {
  for (const char* chunks :
       {"g\r\n", "\r\n", "-1\r\n", " 1\r\n", "0x1\r\n\r\n", "1\n", "1\ra", "1\r\nab", "1\r\na\n",
        "1\r\na0\r\n\r\n", "1 2\r\n", "1;\x01\r\n", "fffffffffffffffff\r\n",
        "0\r\nno field\r\n\r\n", "0\r\nContent-Length: 1\r\n\r\n", "0\r\n\n"})
    EXPECT_GE(read(post(kChunked, chunks)).fault, 400) << chunks;
}

TEST(RequestReader, RefusesBadLinesAndHeaders) {
  for (const char* bytes : {"GET / HTTP/1.1\n",
                            "GET / HTTP/1.1\r\nHost: a\n",
                            "GET / HTTP/1.1\r\rHost: a",
                            "GET / HTTP/1.1\r\nHost: a\r\nA: b\x01\r\n\r\n",
                            "GET / HTTP/1.1\r\nHost: a\r\nA: b\x7f\r\n\r\n",
                            "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n",
                            "GET / HTTP/1.1\r\nHost: a\r\nA b\r\n\r\n",
                            "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
                            "GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n",
                            "GET / HTTP/1.1\r\nHo\xfft: a\r\n\r\n",
                            "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
                            "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n",
                            "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
                            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
                            "GET / a HTTP/1.1\r\nHost: a\r\n\r\n",
                            "GET /\r\nHost: a\r\n\r\n",
                            "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
                            "GET / http/1.1\r\nHost: a\r\n\r\n",
                            "GET / HTTP/1.1\r\n\r\n",
                            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                            " GET",
                            "\x16\x03",
                            "\n",
                            "\r\n\r\n\r\n\r\n\r\n"})
    EXPECT_EQ(read(bytes).fault, 400) << bytes;
  const std::string nul("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29);
  EXPECT_EQ(read(nul).fault, 400);
  EXPECT_EQ(read("GET / HTTP/1.1\r\nA: b\x01").fault, 400);  // at once
  EXPECT_EQ(read("GET / HTTP/2.0\r\nHost: a\r\n\r\n").fault, 505);
  EXPECT_EQ(read("PRI * HTTP/2.0\r\n\r\n").fault, 505);
}

TEST(Message, ResponseHeadsCannotBeSplit) {
  const std::string head = response_head(200,
                                         {{"A", "1"},
                                          {"B", "x\r\nSet-Cookie: y"},
                                          {"C\r\nD", "1"},
                                          {"E", "1\n"},
                                          {"", "1"},
                                          {"Content-Length", "7"},
                                          {"transfer-encoding", "chunked"}},
                                         {.length = 3, .close = true}, 784111777);
  EXPECT_EQ(head,
            "HTTP/1.1 200 OK\r\nA: 1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Length: 3\r\nConnection: close\r\n\r\n");
}

TEST(Message, WordsOfListsAreFoundInAnyCase) {
  EXPECT_TRUE(lists_word("keep-alive , Close", "close"));
  EXPECT_FALSE(lists_word("closed, x close", "close"));
  EXPECT_FALSE(lists_word("", "close"));
  EXPECT_FALSE(lists_word(" ,, ", "close"));
}

TEST(Message, APlainFaultIsJsonOfAnyMessage) {
  EXPECT_EQ(plain_fault(400, "a \"b\" \xff").body,
            "{\"error\":{\"message\":\"a \\\"b\\\" \xef\xbf\xbd\"}}");
}

}  // namespace
}  // namespace lineage
