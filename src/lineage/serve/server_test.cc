#include "lineage/serve/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lineage/base/error.h"
#include "lineage/serve/testing.h"

namespace lineage {
namespace {

using ::testing::HasSubstr;

// A connection of a client.
class Client {
 public:
  explicit Client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET, a.sin_port = htons(port), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
  }
  ~Client() { ::close(socket_); }
  void send(const std::string& bytes) {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  }
  // Until the other side closes, or what came has `text`.
  std::string read(const std::string& text = "\x01") {
    std::string all;
    char buffer[4096];
    while (all.find(text) == std::string::npos) {
      const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      all.append(buffer, static_cast<size_t>(n));
    }
    return all;
  }

 private:
  int socket_;
};

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    testing::write_model(folder.path() / "nodes" / "base", testing::small_tokenizer(), 1, true);
    models = std::make_unique<ServedModels>(std::vector<std::string>{folder.string()}, "");
  }
  ~ServerTest() override {
    if (!thread.joinable()) return;
    server->stop();
    thread.join();
  }
  void start(ServeOptions o = {}) {
    o.port = 0;
    o.scheduler.memory_bytes = int64_t{1} << 30;
    server = std::make_unique<Server>(o, *models,
                                      [this](const std::string& line) { log += line + "\n"; });
    thread = std::thread([this] { server->run(); });
  }
  // All lines of the log are there then: the last is written after its answer is sent.
  void end() {
    server->stop();
    thread.join();
    server.reset();
  }
  std::string ask(const std::string& request) {
    Client c(server->port());
    c.send(request);
    return c.read();
  }

  testing::TempFolder folder;
  std::unique_ptr<ServedModels> models;
  std::string log;
  std::unique_ptr<Server> server;
  std::thread thread;
};

TEST_F(ServerTest, AnswersOverASocketAndLogsALine) {
  start();
  const std::string answer = ask(post("/v1/completions", R"({"prompt":"secret","max_tokens":3})"));
  EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("x-request-id: "));
  EXPECT_THAT(answer, HasSubstr(R"("object":"text_completion")"));
  EXPECT_THAT(ask(get("/v1/models")), HasSubstr(R"("id":"base")"));
  EXPECT_THAT(ask(get("/livez")), HasSubstr("200 OK"));
  EXPECT_THAT(ask(get("/metrics")), HasSubstr("lineage_request_success_total{model_name=\"base\""));
  EXPECT_THAT(ask(post("/v1/completions", "{")), HasSubstr("400 Bad Request"));
  EXPECT_THAT(ask(get("/nothing")), HasSubstr("404 Not Found"));
  end();
  EXPECT_THAT(log, HasSubstr("method=POST path=/v1/completions status=200 model=base stream=false "
                             "sequences=1 prompt_tokens="));
  EXPECT_THAT(log, HasSubstr("path=other status=404"));
  EXPECT_THAT(log, ::testing::Not(HasSubstr("secret")));
}

TEST_F(ServerTest, HealthIsReadyOnceTheDefaultModelIsThere) {
  start();
  std::string answer;
  for (int i = 0; i < 2000 && answer.find("200 OK") == std::string::npos; ++i)
    answer = ask(get("/health"));
  EXPECT_THAT(answer, HasSubstr(R"({"status":"ok"})"));
}

TEST_F(ServerTest, AStreamOutlivesADrainAndNothingNewBegins) {
  start();
  Client streaming(server->port()), waiting(server->port());
  streaming.send(post("/v1/completions", R"({"max_tokens":40,"stream":true,"seed":3})"));
  streaming.read("data: ");
  server->drain();
  EXPECT_THAT(streaming.read(), HasSubstr("[DONE]")) << "or it was done before";
  thread.join();  // the drain ends the server
  EXPECT_EQ(waiting.read(), "");
}

TEST_F(ServerTest, WhatTakesTooLongIsEndedWithAnError) {
  ServeOptions o;
  o.drain_seconds = 0;
  start(o);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(server->port()));
    clients.back()->send(post("/v1/completions", R"({"max_tokens":60,"n":100,"stream":true})"));
  }
  clients[0]->read("data: ");
  server->drain();
  thread.join();
  EXPECT_THAT(clients[7]->read(), HasSubstr("server_shutdown"));
}

TEST_F(ServerTest, AnOpenAddressWantsAKey) {
  ServeOptions o;
  o.address = "0.0.0.0";
  try {
    start(o);
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("0.0.0.0 can be reached from other machines"));
    EXPECT_THAT(e.hint(), HasSubstr("--insecure"));
  }
  o.keys = {"k"};
  start(o);
  EXPECT_THAT(ask(get("/v1/models")), HasSubstr("401 Unauthorized"));
  EXPECT_THAT(ask("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer k\r\n"
                  "Connection: close\r\n\r\n"),
              HasSubstr("200 OK"));
}

TEST_F(ServerTest, TheLogCanBeJson) {
  ServeOptions o;
  o.log = RequestLog::json;
  o.log_prompts = true;
  start(o);
  ask(post("/v1/completions", R"({"prompt":"said","max_tokens":1})"));
  end();
  const auto line = nlohmann::json::parse(log.substr(0, log.find('\n')));
  EXPECT_EQ(line["status"], 200);
  EXPECT_THAT(line["body"].get<std::string>(), HasSubstr("said"));
}

}  // namespace
}  // namespace lineage
