#include "lineage/sandbox/sandbox.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/interrupted.h"
#include "lineage/base/testing.h"
#include "lineage/sandbox/descriptor.h"
#include "lineage/sandbox/testing.h"

namespace lineage {
namespace {

using testing::sandbox_here;
using testing::TempFolder;

namespace fs = std::filesystem;

ProgramRun run(std::string_view program, const SandboxLimits& limits = {}) {
  return sandbox_here().run(program, limits);
}

class SandboxTest : public ::testing::Test {
  void SetUp() override { LINEAGE_NEEDS_SANDBOX(); }
};

TEST_F(SandboxTest, PassesWhatRunsToItsEnd) {
  const ProgramRun r = run("import math, collections, dataclasses\nprint(math.gcd(12, 18))\n");
  EXPECT_EQ(r.ending, Ending::passed) << r.error_tail;
  EXPECT_EQ(r.exit_status, 0);
  EXPECT_EQ(r.output, "6\n");
  EXPECT_EQ(r.error_tail, "");
}

TEST_F(SandboxTest, FailsWhatDoesNot) {
  const auto fails = [](std::string_view program, int status, std::string_view error) {
    const ProgramRun r = run(program);
    EXPECT_EQ(r.ending, Ending::failed) << program;
    EXPECT_EQ(r.exit_status, status) << program;
    EXPECT_NE(r.error_tail.find(error), std::string::npos) << program << "\n" << r.error_tail;
  };
  fails("assert 1 == 2, 'one is not two'", 1, "AssertionError: one is not two");
  fails("def f(:\n", 1, "SyntaxError");
  fails("raise SystemExit(7)", 7, "");
  fails("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", 137, "");
  fails(std::string_view("x = 1\0\n", 7), 1, "null bytes");
  fails("\xff\xfe", 1, "SyntaxError");
  fails("input()", 1, "EOFError");
}

// The tests stand behind the function that they test: it must not end them with status 0.
TEST_F(SandboxTest, AnExitBeforeTheLastLineIsNoPass) {
  for (const char* program : {"import sys\nsys.exit(0)", "import os\nos._exit(0)", "exit()",
                              "quit(0)", "import os\nos.write(3, b'P')\nos._exit(0)",
                              "import os\nos.write(3, b'SP')\nos._exit(0)"}) {
    const ProgramRun r = run(program);
    EXPECT_EQ(r.ending, Ending::failed) << program;
    EXPECT_EQ(r.exit_status, 0) << program;
  }
}

TEST_F(SandboxTest, TheProgramIsTheModuleMain) {
  const ProgramRun r = run(R"(
import sys, pickle, typing, dataclasses
@dataclasses.dataclass
class Point:
    x: "int"
assert __name__ == '__main__'
assert pickle.loads(pickle.dumps(Point(3))) == Point(3)
assert typing.get_type_hints(Point) == {'x': int}
assert sys.argv == ['/program.py']
)");
  EXPECT_EQ(r.ending, Ending::passed) << r.error_tail;
}

TEST_F(SandboxTest, SideBySideInTheOrderOfThePrograms) {
  std::vector<std::string> programs;
  for (int i = 0; i < 12; ++i) {
    programs.push_back("print(" + std::to_string(i) + ")");
    if (i % 3 == 0) programs.back() += "\nassert False";
  }
  const std::vector<ProgramRun> runs = sandbox_here().run_all(programs, {}, 4);
  ASSERT_EQ(runs.size(), programs.size());
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(runs[i].ending, i % 3 ? Ending::passed : Ending::failed) << runs[i].error_tail;
    EXPECT_EQ(runs[i].output, std::to_string(i) + "\n");
  }
  EXPECT_TRUE(sandbox_here().run_all({}, {}, 4).empty());
}

// What `work` throws in a process with this hard limit; "" for nothing.
std::string error_under_limit(__rlimit_resource resource, rlim_t hard, void (*work)()) {
  const Pipe pipe = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    std::string error;
    const rlimit limit{hard, hard};
    ::setrlimit(resource, &limit);
    try {
      work();
    } catch (const std::exception& e) {
      error = e.what();
    }
    ::_exit(::write(pipe.write.get(), error.data(), error.size()) < 0);
  }
  ::waitpid(child, nullptr, 0);
  char error[1000];
  const ssize_t n = ::read(pipe.read.get(), error, sizeof error);
  return {error, n > 0 ? static_cast<size_t>(n) : 0};
}

TEST_F(SandboxTest, RunsUnderTheLimitsOfLineage) {
  sandbox_here();
  const auto passes = [] {
    require(run("x = 1").ending == Ending::passed, "the program does not pass");
  };
  EXPECT_EQ(error_under_limit(RLIMIT_CORE, 0, passes), "");
  EXPECT_EQ(error_under_limit(RLIMIT_STACK, 4 << 20, passes), "");
  EXPECT_EQ(error_under_limit(RLIMIT_NOFILE, 63, passes),
            "sandbox: Lineage itself runs under a hard limit nofile of 63; wanted at least 64");
}

TEST_F(SandboxTest, StopsOnRequest) {
  const std::vector<std::string> programs(4, "import time\nwhile True: time.sleep(1)");
  EXPECT_THROW(sandbox_here().run_all(programs, {.wall_seconds = 1000}, 2, [] { return true; }),
               Interrupted);
}

void expect_refused(const SandboxTools& tools, std::string_view message, std::string_view hint) {
  try {
    const Sandbox sandbox(tools);
    FAIL() << "wanted: " << message;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(message), std::string::npos) << e.what();
    EXPECT_NE(e.hint().find(hint), std::string::npos) << e.hint();
  }
}

// These need no sandbox: they are what happens without one.
TEST(SandboxAbsent, NamesTheToolAndItsPackage) {
  const TempFolder folder;
  expect_refused({.bwrap = folder / "bwrap"},
                 "bwrap is not there; wanted it, since programs are run", "apt install bubblewrap");
}

TEST(SandboxAbsent, ASystemThatRefusesIsQuoted) {
  if (!fs::exists(SandboxTools{}.python)) GTEST_SKIP() << "no " << SandboxTools{}.python;
  const TempFolder folder;
  fs::permissions(folder.path(), fs::perms::all);
  const std::string bwrap = folder.write(
      "bwrap", "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n");
  fs::permissions(bwrap, fs::perms::all);
  // Root's command begins with it, and not every root may become another user.
  const std::string setpriv = folder.write(
      "setpriv", "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"\n");
  fs::permissions(setpriv, fs::perms::all);
  expect_refused({.bwrap = bwrap, .setpriv = setpriv},
                 "sandbox: no program can be started: bwrap: No permissions to create new "
                 "namespace; wanted a sandbox",
                 "");
}

// Something called bwrap that runs the program as it stands: without namespaces, filter and limits.
TEST_F(SandboxTest, AWallThatGivesWayIsNamed) {
  const TempFolder folder;
  fs::permissions(folder.path(), fs::perms::all);
  const std::string program = folder.string() + "/program.py";
  const std::string bwrap = folder.write("bwrap", "#!/bin/sh\ncat <&6 >" + program + R"sh(
while [ "$1" != -c ]; do shift; done
exec /usr/bin/python3 -I -c "$(echo "$2" | sed 's|/program.py|)sh" +
                                                      program + R"sh(|')"
)sh");
  fs::permissions(bwrap, fs::perms::all);
  expect_refused({.bwrap = bwrap},
                 "sandbox: a wall does not hold: programs can open sockets (failed)", "");
}

TEST(SandboxAbsent, LimitsOutOfRangeAreNamed) {
  const auto refused = [](const SandboxLimits& limits, std::string_view message) {
    try {
      validate(limits);
      FAIL() << "wanted: " << message;
    } catch (const Error& e) {
      EXPECT_EQ(e.what(), message);
    }
  };
  EXPECT_NO_THROW(validate({}));
  refused({.wall_seconds = 0}, "sandbox: wall_seconds is 0; wanted 0.01 to 86400");
  refused({.processes = 0}, "sandbox: processes is 0; wanted 1 to 4096");
  refused({.open_files = 3}, "sandbox: open_files is 3; wanted 16 to 4096");
}

}  // namespace
}  // namespace lineage
