#include "lineage/serve/front.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lineage {
namespace {

using ::testing::HasSubstr;

HttpRequest request(const std::string& method, const std::string& target,
                    HttpHeaders headers = {}) {
  HttpRequest r;
  r.method = method, r.target = target;
  headers.emplace_back("host", "127.0.0.1:8080");
  if (method == "POST") headers.emplace_back("content-type", "application/json; charset=utf-8");
  r.headers = std::move(headers);
  return r;
}
int status(const Front& front, const HttpRequest& r) {
  const auto refused = front.refuse(r);
  return refused ? refused->status : 0;
}
std::string header(const HttpResponse& r, const std::string& name) {
  for (const auto& [key, value] : r.headers)
    if (key == name) return value;
  return "none";
}

TEST(Front, OnlyItsOwnNamesAreServed) {
  const Front front({{}, {"box.lan"}, {}, "192.168.0.7"});
  const auto with_host = [&](const std::string& host) {
    HttpRequest r = request("GET", "/v1/models");
    r.headers = {{"host", host}};
    return status(front, r);
  };
  for (const char* host : {"localhost", "localhost:80", "127.0.0.1:8080", "[::1]:8080", "[::1]",
                           "192.168.0.7:8080", "box.lan"})
    EXPECT_EQ(with_host(host), 0) << host;
  for (const char* host : {"evil.example", "127.0.0.1.evil.example", "", "box.lan.evil"})
    EXPECT_EQ(with_host(host), 403) << host;
  HttpRequest none = request("GET", "/v1/models");
  none.headers.clear();
  EXPECT_EQ(status(front, none), 403);
  none.version = 10;
  EXPECT_EQ(status(front, none), 0) << "HTTP/1.0 has no Host";
}

TEST(Front, KeysAreWantedEverywhereButForHealth) {
  const Front front({{"alpha", "beta%42"}, {}, {}, "127.0.0.1"});
  const auto with = [&](const std::string& value, const std::string& path = "/v1/models") {
    return status(front, request("GET", path, {{"authorization", value}}));
  };
  EXPECT_EQ(with("Bearer alpha"), 0);
  EXPECT_EQ(with("bearer beta%42"), 0) << "as it is, not decoded";
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer alph", "Bearer alphaa", "Basic alpha"})
    EXPECT_EQ(with(wrong), 401) << wrong;
  EXPECT_EQ(with("", "/health"), 0);
  EXPECT_EQ(with("", "/livez"), 0);
  EXPECT_EQ(with("", "/metrics"), 401);
  const auto refused = front.refuse(request("GET", "/v1/models"));
  EXPECT_EQ(header(*refused, "WWW-Authenticate"), "Bearer");
  EXPECT_THAT(refused->body, HasSubstr("invalid_api_key"));
  EXPECT_EQ(front.key_of(request("GET", "/", {{"authorization", "Bearer alpha"}})).size(), 8u);
  EXPECT_EQ(Front({{}, {}, {}, ""}).key_of(request("GET", "/")), "");
  EXPECT_EQ(
      status(Front({{}, {}, {}, ""}), request("GET", "/v1/models", {{"authorization", "Bearer "}})),
      0)
      << "a harness sends an empty key";
}

TEST(Front, PathsAndMethods) {
  const Front front({{}, {}, {}, "127.0.0.1"});
  EXPECT_EQ(status(front, request("GET", "/v1/models/a%2Fb?x=1")), 0);
  EXPECT_EQ(status(front, request("HEAD", "/v1/models")), 0);
  EXPECT_EQ(status(front, request("GET", "/v1/models/")), 404);
  EXPECT_EQ(status(front, request("GET", "/v2")), 404);
  EXPECT_EQ(status(front, request("GET", "/%zz")), 404);
  const auto wrong = front.refuse(request("GET", "/v1/completions"));
  EXPECT_EQ(wrong->status, 405);
  EXPECT_EQ(header(*wrong, "Allow"), "POST, OPTIONS");
  HttpRequest text = request("POST", "/v1/completions");
  text.headers.back().second = "text/plain";
  EXPECT_EQ(status(front, text), 415);
  EXPECT_EQ(path_of("/v1/models/a%2fb?c"), "/v1/models/a/b");
  EXPECT_EQ(query_of("/x?a=1&model=m%20n", "model"), "m n");
  EXPECT_EQ(query_of("/x?a=1", "model"), std::nullopt);
}

TEST(Front, OtherOriginsReadNothingUnlessAllowed) {
  const Front closed({{"k"}, {}, {}, "127.0.0.1"}), open({{"k"}, {}, {"https://a.example"}, ""});
  const auto ask = request("OPTIONS", "/v1/completions", {{"origin", "https://a.example"}});
  EXPECT_EQ(status(closed, ask), 204);
  EXPECT_EQ(header(*closed.refuse(ask), "Access-Control-Allow-Origin"), "none");
  EXPECT_EQ(header(*closed.refuse(ask), "Allow"), "POST, OPTIONS");
  const auto allowed = open.refuse(ask);
  EXPECT_EQ(allowed->status, 204) << "before the key is looked at";
  EXPECT_EQ(header(*allowed, "Access-Control-Allow-Origin"), "none") << "cors() has it";
  EXPECT_EQ(header(*allowed, "Access-Control-Allow-Headers"), "authorization, content-type");
  const auto other = request("OPTIONS", "/v1/completions", {{"origin", "https://b.example"}});
  EXPECT_EQ(header(*open.refuse(other), "Access-Control-Allow-Origin"), "none");
  EXPECT_TRUE(open.cors(other).empty());
  EXPECT_EQ(open.cors(ask)[0].second, "https://a.example");
}

}  // namespace
}  // namespace lineage
