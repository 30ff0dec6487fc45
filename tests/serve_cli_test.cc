// `lineage serve` as a program: what it refuses to start with, and how it ends.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lineage/run/testing.h"
#include "program.h"

namespace lineage {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::run_program;
using testing::small_recipe;
using testing::TempFolder;
using testing::write_corpus;
using testing::write_text;

class ServeCli : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder = new TempFolder();
    write_corpus(folder->path() / "corpus", 20);
    write_text(folder->path() / "small.toml", small_recipe(folder->path() / "corpus"));
    const auto grown =
        run_program("grow " + (folder->path() / "small.toml").string() +
                    " --no-eval --threads 1 --set pretrain.tokens=2000 --out " + runs());
    ASSERT_EQ(grown.status, 0) << grown.text;
  }
  static void TearDownTestSuite() {
    delete folder;
    folder = nullptr;
  }
  static std::string runs() { return (folder->path() / "runs").string(); }
  static std::string refused(const std::string& arguments) {
    const auto out = run_program("serve " + arguments);
    EXPECT_NE(out.status, 0) << out.text;
    return out.text;
  }
  static TempFolder* folder;
};
TempFolder* ServeCli::folder = nullptr;

TEST_F(ServeCli, WhatItCannotServeIsNamed) {
  EXPECT_THAT(refused((folder->path() / "corpus").string()), HasSubstr("error: "));
  EXPECT_THAT(refused(runs() + " --default-model davinco"),
              AllOf(HasSubstr("--default-model: The model 'davinco' does not exist"),
                    HasSubstr("davinci")));
  EXPECT_THAT(
      refused(runs() + " --content-filter davinci"),
      HasSubstr("--content-filter: 'davinci' is a language model; wanted a moderation model"));
  const auto keys = folder->path() / "keys";
  write_text(keys, "# none\n\n");
  EXPECT_THAT(refused(runs() + " --api-key-file " + keys.string()),
              AllOf(HasSubstr("has no key; wanted one a line"), HasSubstr("openssl rand")));
  EXPECT_THAT(
      refused(runs() + " --host 0.0.0.0"),
      AllOf(HasSubstr("0.0.0.0 can be reached from other machines"), HasSubstr("--insecure")));
  EXPECT_THAT(refused(runs() + " --host nowhere.example"), HasSubstr("nowhere.example"));
}

TEST_F(ServeCli, APortInUseIsNamed) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET, a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
  ASSERT_EQ(::listen(socket, 1), 0);
  socklen_t size = sizeof a;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&a), &size);
  const std::string port = std::to_string(ntohs(a.sin_port));
  EXPECT_THAT(refused(runs() + " --port " + port),
              AllOf(HasSubstr(port), HasSubstr("another program listens there")));
  ::close(socket);
}

TEST_F(ServeCli, SigtermEndsItWithStatus0) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const std::string out = (folder->path() / "served").string();
    std::filesystem::remove(out);
    const pid_t child = ::fork();
    if (child == 0) {
      const int file = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(file, STDERR_FILENO);
      ::execl(LINEAGE_BINARY, "lineage", "serve", runs().c_str(), "--port", "0", "--threads", "1",
              static_cast<char*>(nullptr));
      ::_exit(127);
    }
    const auto said = [&] {
      std::ifstream in(out);
      return std::string(std::istreambuf_iterator<char>(in), {});
    };
    int status = -1;
    while (said().find("/v1\n") == std::string::npos && ::waitpid(child, &status, WNOHANG) == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::kill(child, signal);
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status << said();
    EXPECT_THAT(said(), HasSubstr("1 model at http://127.0.0.1:"));
  }
}

}  // namespace
}  // namespace lineage
