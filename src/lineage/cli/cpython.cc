#include "lineage/cli/cpython.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "lineage/base/error.h"
#include "lineage/base/file.h"

namespace lineage::cli {
namespace {

// Reads "<bytes>\n<program>" until the file ends; answers "<bytes> <exception>\n<output>" each.
constexpr const char* kDriver = R"(
import contextlib, io, sys
sys.setrecursionlimit(400)
source = open(sys.argv[1], 'rb')
for size in source:
    program = source.read(int(size)).decode()
    out, end = io.StringIO(), ''
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(program, 'program', 'exec'), {'__name__': '__main__'})
    except BaseException as e:
        end = type(e).__name__
    answer = out.getvalue().encode()
    sys.stdout.buffer.write(b'%d %s\n' % (len(answer), end.encode()) + answer)
)";

// Standard output of a command, to its end; an Error when it cannot run or fails.
std::string output_of(const std::vector<std::string>& command) {
  const auto failed = [&](const std::string& how) {
    return Error("selftest: " + command[0] + " " + how + "; wanted a CPython 3.8 or later",
                 "install python3 or name one with --python");
  };
  std::vector<char*> argv;
  for (const std::string& part : command) argv.push_back(const_cast<char*>(part.c_str()));
  argv.push_back(nullptr);
  std::array<int, 2> ends;
  if (::pipe(ends.data()) != 0) throw failed("got no pipe");
  const pid_t child = ::fork();
  if (child < 0) throw failed("could not be started");
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string out;
  std::array<char, 65536> buffer;
  for (ssize_t n; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
    out.append(buffer.data(), static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) throw failed("is not there");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw failed("failed");
  return out;
}

// A file that is removed with its scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content)
      : path_((std::filesystem::temp_directory_path() / "lineage-XXXXXX").string()) {
    const int file = ::mkstemp(path_.data());
    require(file >= 0, path_, ": cannot be made; wanted a place for the programs");
    ::close(file);
    write_file_atomic(path_, content);
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

std::vector<PythonRun> run_cpython(const std::string& python,
                                   std::span<const std::string> programs) {
  std::string all;
  for (const std::string& p : programs) all += std::to_string(p.size()) + "\n" + p;
  const TemporaryFile file(all);
  const std::string answers = output_of({python, "-I", "-W", "ignore", "-c", kDriver, file.path()});
  std::vector<PythonRun> runs;
  for (size_t at = 0; at < answers.size();) {
    const size_t space = answers.find(' ', at), line = answers.find('\n', at);
    require(space < line && line != std::string::npos, "selftest: ", python,
            " answered out of form");
    const size_t size = std::stoul(answers.substr(at, space - at));
    runs.push_back({answers.substr(line + 1, size), answers.substr(space + 1, line - space - 1)});
    at = line + 1 + size;
  }
  require(runs.size() == programs.size(), "selftest: ", python, " ran ", runs.size(), " of ",
          programs.size(), " programs");
  return runs;
}

std::string python_version(const std::string& python) {
  std::string version = output_of({python, "--version"});
  while (!version.empty() && version.back() == '\n') version.pop_back();
  return version;
}

}  // namespace lineage::cli
