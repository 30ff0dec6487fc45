// Programs that try to get out of the sandbox, or to use more than they may. Each prints ESCAPED
// where it could do what it tried; none does.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/testing.h"
#include "lineage/sandbox/descriptor.h"
#include "lineage/sandbox/sandbox.h"
#include "lineage/sandbox/testing.h"

namespace lineage {
namespace {

using testing::sandbox_here;
using testing::TempFolder;

// attempt() calls a function and says whether it did what it must not.
constexpr const char* kTools = R"(
import os, sys, time, signal, threading, errno, resource
def attempt(what, call):
    try:
        result = call()
    except (OSError, ValueError, MemoryError, ImportError, RuntimeError) as e:
        return e
    print('ESCAPED:', what, repr(result)[:200], flush=True)
def tries(what, calls):
    for i, call in enumerate(calls):
        attempt(what + ' ' + str(i), call)
)";

class Escape : public ::testing::Test {
 protected:
  void SetUp() override {
    LINEAGE_NEEDS_SANDBOX();
    // Processes that a sandbox left behind would become children of this one.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  }

  // Runs an attack; nothing may have escaped, and none of its processes may be left.
  ProgramRun run(const std::string& program, const SandboxLimits& limits = {}) {
    ProgramRun r = sandbox_here().run(kTools + program, limits);
    EXPECT_EQ(r.output.find("ESCAPED"), std::string::npos) << r.output;
    expect_nobody_left();
    return r;
  }

  // The same for one that is to reach its last line, which it does where every attempt failed.
  void expect_harmless(const std::string& program, const SandboxLimits& limits = {}) {
    const ProgramRun r = run(program, limits);
    EXPECT_EQ(r.ending, Ending::passed) << ending_name(r.ending) << "\n" << r.error_tail;
  }

  void expect_ending(Ending wanted, const std::string& program, const SandboxLimits& limits) {
    const ProgramRun r = run(program, limits);
    EXPECT_EQ(r.ending, wanted) << ending_name(r.ending) << "\n" << r.error_tail;
  }

 private:
  static void expect_nobody_left() {
    pid_t ended;
    while ((ended = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    EXPECT_TRUE(ended < 0 && errno == ECHILD) << "a process of the sandbox lives";
  }
};

TEST_F(Escape, ReadsNoFileOfTheHost) {
  const TempFolder folder;
  const std::string canary = folder.write("canary", "a secret of the host");
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  std::filesystem::permissions(canary, std::filesystem::perms::all);
  expect_harmless("canary = '" + canary + R"('
for path in [canary, '/proc/1/environ', '/proc/self/environ', '/proc/self/maps', '/etc/passwd',
             '/etc/shadow', '/etc/hostname', '/dev/mem', '/dev/sda', '/dev/vda', '/dev/tty',
             '/dev/kmsg', '/proc/kcore', '/sys/kernel/notes', '/run/docker.sock', '/..' + canary,
             '/tmp/../..' + canary, '/oldroot' + canary, '/newroot' + canary]:
    attempt('read ' + path, lambda: open(path, 'rb').read(10))
for folder in ['/home', '/root', '/etc', '/proc', '/sys', '/run', '/var', '/mnt', '/media', '/opt',
               '/srv', '/boot', '/usr/local', '/usr/share', '/oldroot', '/newroot',
               os.path.dirname(canary)]:
    attempt('list ' + folder, lambda: os.listdir(folder))
def through_link():
    os.symlink(canary, '/tmp/link')
    return open('/tmp/link').read()
attempt('a symbolic link', through_link)
attempt('a hard link', lambda: os.link(canary, '/tmp/hard'))
attempt('chroot', lambda: os.chroot('/tmp'))
attempt('setuid', lambda: os.setuid(0))
assert sorted(os.listdir('/')) == ['dev', 'lib', 'lib64', 'program.py', 'tmp', 'usr'], os.listdir('/')
assert sorted(os.listdir('/dev')) == ['null', 'urandom'], os.listdir('/dev')
assert set(os.listdir('/usr')) <= {'bin', 'lib', 'lib64'}, os.listdir('/usr')
assert os.listdir('/tmp') == ['link'], os.listdir('/tmp')
assert len(os.listdir('/usr/bin')) == 2, os.listdir('/usr/bin')
assert os.getuid() == os.geteuid() == os.getgid() == 65534
)");
}

TEST_F(Escape, SeesNoEnvironmentOfTheHost) {
  ASSERT_EQ(::setenv("LINEAGE_TEST_CANARY", "a secret of the host", 1), 0);
  expect_harmless(R"(
import ctypes
names = set(os.environ)
assert names <= {'PATH', 'HOME', 'PWD', 'LANG', 'LC_CTYPE', 'MALLOC_ARENA_MAX'}, names
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')
i = 0
while environ[i]:
    assert b'secret' not in environ[i]
    i += 1
assert os.uname().nodename == 'sandbox'
)");
  ::unsetenv("LINEAGE_TEST_CANARY");
}

// A descriptor that this program leaves open for its children is none of the sandbox's.
TEST_F(Escape, InheritsNoDescriptor) {
  const TempFolder folder;
  const std::string canary = folder.write("canary", "a secret of the host");
  const int lowest = ::open(canary.c_str(), O_RDWR);
  // Not one of the numbers that the sandbox's own descriptors get.
  const int open_for_children = ::fcntl(lowest, F_DUPFD, 100);
  ASSERT_GE(open_for_children, 100);
  ::close(lowest);
  expect_harmless(R"(
here = []
for fd in range(1024):
    try:
        os.fstat(fd)
        here.append(fd)
    except OSError:
        pass
assert here == [0, 1, 2, 3], here
assert os.read(0, 100) == b''
attempt('read the report', lambda: os.read(3, 100))
)");
  ::close(open_for_children);
  EXPECT_EQ(read_file(canary), "a secret of the host");
}

TEST_F(Escape, WritesNowhereElse) {
  expect_harmless(R"(
for path in ['/x', '/usr/x', '/usr/lib/x', '/usr/bin/x', '/dev/x', '/lib/x', '/program.py',
             sys.executable, '/usr/lib/python3/x', os.__file__]:
    tries('write ' + path, [lambda: open(path, 'wb'), lambda: open(path, 'r+b'),
                            lambda: os.mkdir(path + '.d'), lambda: os.symlink('/tmp', path + '.l')])
for path in ['/usr', '/program.py', '/dev/null', '/usr/lib', sys.executable]:
    tries('change ' + path, [lambda: os.chmod(path, 0o777), lambda: os.rename(path, path + '.old'),
                             lambda: os.utime(path)])
attempt('unlink', lambda: os.unlink('/program.py'))
attempt('rmdir', lambda: os.rmdir('/tmp'))
attempt('mknod', lambda: os.mknod('/tmp/disk', 0o60666, os.makedev(8, 0)))
with open('/tmp/mine', 'w') as file:
    file.write('as it should be')
assert open(os.path.expanduser('~/mine')).read() == 'as it should be'
)");
}

// A server of the host on every kind of socket that a program could reach.
class Listener {
 public:
  Listener(const sockaddr* address, socklen_t bytes)
      : socket_(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    require(::bind(socket_.get(), address, bytes) == 0 && ::listen(socket_.get(), 8) == 0,
            "no listener here");
  }
  bool called() const {
    const int call = ::accept(socket_.get(), nullptr, nullptr);
    if (call >= 0) ::close(call);
    return call >= 0;
  }
  uint16_t port() const {
    sockaddr_in address{};
    socklen_t bytes = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &bytes);
    return ntohs(address.sin_port);
  }

 private:
  Descriptor socket_;
};

TEST_F(Escape, ReachesNoServer) {
  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const Listener tcp(reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback);
  sockaddr_un abstract{};
  abstract.sun_family = AF_UNIX;
  const std::string name = "lineage-test-" + std::to_string(::getpid());
  name.copy(abstract.sun_path + 1, sizeof abstract.sun_path - 1);
  const Listener unix_socket(
      reinterpret_cast<const sockaddr*>(&abstract),
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size()));
  expect_harmless(fmt::format(R"(
import socket, urllib.request, ctypes
libc = ctypes.CDLL(None, use_errno=True)
attempt('tcp', lambda: socket.create_connection(('127.0.0.1', {0}), 1))
attempt('tcp6', lambda: socket.create_connection(('::1', {0}), 1))
attempt('http', lambda: urllib.request.urlopen('http://127.0.0.1:{0}/', timeout=1))
attempt('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {0})))
attempt('abstract', lambda: socket.socket(socket.AF_UNIX).connect('\0{1}'))
attempt('raw', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt('netlink', lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
attempt('vsock', lambda: socket.socket(40))
attempt('names', lambda: socket.getaddrinfo('example.org', 80))
for family in range(46):
    assert libc.socket(family, 1, 0) == -1 and ctypes.get_errno() == errno.ENOSYS, family
# A pair of sockets is allowed: neither end can be connected elsewhere.
pair = socket.socketpair()
attempt('connect a pair', lambda: pair[0].connect('\0{1}'))
attempt('bind a pair', lambda: pair[0].bind('\0x'))
attempt('a pair of another kind', lambda: socket.socketpair(socket.AF_INET))
)",
                              tcp.port(), name));
  EXPECT_FALSE(tcp.called());
  EXPECT_FALSE(unix_socket.called());
}

// Called by number, as a program may that does not trust its C library.
TEST_F(Escape, TheKernelAnswersNoDangerousCall) {
  std::string calls = "calls = {";
  for (const char* name : {"ptrace",
                           "mount",
                           "umount2",
                           "pivot_root",
                           "chroot",
                           "unshare",
                           "setns",
                           "keyctl",
                           "add_key",
                           "request_key",
                           "bpf",
                           "perf_event_open",
                           "io_uring_setup",
                           "io_uring_enter",
                           "io_uring_register",
                           "socket",
                           "connect",
                           "bind",
                           "listen",
                           "accept",
                           "sendmsg",
                           "recvmsg",
                           "process_vm_readv",
                           "process_vm_writev",
                           "process_madvise",
                           "pidfd_open",
                           "pidfd_getfd",
                           "kcmp",
                           "kexec_load",
                           "kexec_file_load",
                           "init_module",
                           "finit_module",
                           "delete_module",
                           "open_by_handle_at",
                           "name_to_handle_at",
                           "userfaultfd",
                           "personality",
                           "shmget",
                           "shmat",
                           "msgget",
                           "semget",
                           "mq_open",
                           "memfd_create",
                           "memfd_secret",
                           "clone3",
                           "mknod",
                           "mknodat",
                           "setuid",
                           "setgid",
                           "setgroups",
                           "setresuid",
                           "capset",
                           "swapon",
                           "swapoff",
                           "reboot",
                           "syslog",
                           "sethostname",
                           "settimeofday",
                           "clock_settime",
                           "adjtimex",
                           "acct",
                           "quotactl",
                           "fanotify_init",
                           "inotify_init1",
                           "iopl",
                           "ioperm",
                           "modify_ldt",
                           "move_mount",
                           "fsopen",
                           "open_tree",
                           "mount_setattr",
                           "landlock_create_ruleset",
                           "seccomp",
                           "prctl",
                           "splice",
                           "vmsplice",
                           "tee",
                           "sched_setaffinity",
                           "sched_setscheduler",
                           "setpriority",
                           "ioprio_set",
                           "set_mempolicy",
                           "move_pages",
                           "migrate_pages",
                           "lookup_dcookie",
                           "nfsservctl",
                           "timer_create",
                           "remap_file_pages",
                           "execveat",
                           "flock",
                           "utimensat",
                           "mlock",
                           "mlockall"}) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number >= 0) calls += fmt::format("'{}': {}, ", name, number);
  }
  expect_harmless(calls + R"(}
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert len(calls) > 70
for name, number in calls.items():
    result = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    assert result == -1 and ctypes.get_errno() == errno.ENOSYS, (name, result)
for number in range(500, 1500):
    assert libc.syscall(number, 0, 0, 0, 0, 0, 0) == -1 and ctypes.get_errno() == errno.ENOSYS
for request in [0x5412, 0x541C, 0x5423, 0x540E, 0xC0045878, 0x1267]:  # TIOCSTI, TIOCLINUX, ...
    assert libc.ioctl(0, request, b'x') == -1 and ctypes.get_errno() == errno.ENOSYS, request
)");
}

TEST_F(Escape, NestsNoNamespace) {
  expect_harmless(fmt::format(R"(
import ctypes, subprocess
libc = ctypes.CDLL(None, use_errno=True)
SIGCHLD = 17
for flag in [0x10000000, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000]:
    assert libc.unshare(flag) == -1, flag
    for flags in [flag | SIGCHLD, flag | 0x10000000 | SIGCHLD]:
        child = libc.syscall({}, flags, 0, 0, 0, 0)
        if child == 0:
            os._exit(0)
        assert child == -1 and ctypes.get_errno() == errno.ENOSYS, (flag, child)
for command in ['/usr/bin/bwrap', '/usr/bin/unshare', '/bin/sh', '/usr/bin/sudo', '/bin/su']:
    attempt(command, lambda: subprocess.run([command]))
)",
                              ::seccomp_syscall_resolve_name("clone")));
}

#ifdef __x86_64__
// The tables of 32-bit and x32 calls have other numbers, and the filter's are of neither.
TEST_F(Escape, OtherTablesOfCallsEndTheProcess) {
  const ProgramRun r = run(R"(
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex('b814000000cd80c3'))  # mov eax, 20 (getpid); int 0x80; ret
print('ESCAPED', ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))())
)");
  EXPECT_EQ(r.ending, Ending::failed);
  const ProgramRun x32 = run(R"(
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print('ESCAPED', libc.syscall(0x40000000 + 39))
)");
  EXPECT_EQ(x32.ending, Ending::failed);
}
#endif

TEST_F(Escape, ForksUpToTheLimitAlone) {
  const ProgramRun r = run(R"(
children = 0
while children < 1000:
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except OSError:
        break
    children += 1
print(children)
)",
                           {.processes = 12});
  EXPECT_EQ(r.ending, Ending::passed) << r.error_tail;
  // Before Linux 5.14 the user's other processes count, too.
  EXPECT_LE(std::stoi(r.output), 11);
}

TEST_F(Escape, AForkBombEnds) {
  const ProgramRun r = run(R"(
while True:
    try:
        os.fork()
    except OSError:
        pass
)",
                           {.wall_seconds = 1, .processes = 32});
  EXPECT_TRUE(r.ending == Ending::timed_out || r.ending == Ending::out_of_cpu)
      << ending_name(r.ending);
}

TEST_F(Escape, ThreadsCountAsProcesses) {
  const ProgramRun r = run(R"(
started = 0
try:
    while started < 1000:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
print(started, flush=True)
os._exit(0)
)",
                           {.processes = 8});
  EXPECT_LE(std::stoi(r.output), 7);
}

constexpr SandboxLimits kLittleMemory{.wall_seconds = 60, .memory_bytes = 64LL << 20};

TEST_F(Escape, FillsNoMemory) {
  expect_ending(Ending::out_of_memory, "x = bytearray(1 << 40)", kLittleMemory);
  expect_ending(Ending::out_of_memory, "x = []\nwhile True: x.append(bytes(1 << 20))\n",
                kLittleMemory);
  // One that never gives up.
  expect_ending(Ending::out_of_memory, R"(
x = []
while True:
    try:
        x.append(b'1' * (1 << 20))
    except MemoryError:
        pass
)",
                kLittleMemory);
  expect_ending(Ending::out_of_memory, R"(
import mmap
shared = mmap.mmap(-1, 200 << 20)
for page in range(0, len(shared), 4096):
    shared[page] = 1
time.sleep(1000)
)",
                kLittleMemory);
}

// None of the processes is beyond the limit alone.
TEST_F(Escape, FillsNoMemoryByMany) {
  expect_ending(Ending::out_of_memory, R"(
for child in range(6):
    if os.fork() == 0:
        x = b'1' * (40 << 20)
        time.sleep(1000)
time.sleep(1000)
)",
                {.wall_seconds = 60, .memory_bytes = 128LL << 20});
}

TEST_F(Escape, FillsNoDisk) {
  const ProgramRun r = run(R"(
written = 0
for file in range(100):
    try:
        with open('/tmp/%d' % file, 'wb', buffering=0) as f:
            while written < 1 << 30:
                written += f.write(bytes(1 << 16))
    except OSError as e:
        assert e.errno in (errno.ENOSPC, errno.EFBIG), e
print(written)
)",
                           {.file_bytes = 1 << 20});
  EXPECT_EQ(r.ending, Ending::passed) << r.error_tail;
  EXPECT_LE(std::stoll(r.output), 1 << 20);
  expect_harmless(R"(
def sparse():
    with open('/tmp/sparse', 'wb') as f:
        f.truncate(1 << 40)
attempt('sparse', sparse)
)");
}

TEST_F(Escape, MakesFewFiles) {
  expect_ending(Ending::out_of_storage, R"(
for i in range(500):
    open('/tmp/%d' % i, 'w').close()
time.sleep(1000)
)",
                {.wall_seconds = 60, .files = 100});
}

// What is left in /tmp counts as memory.
TEST_F(Escape, FilesAreMemory) {
  expect_ending(Ending::out_of_memory, R"(
with open('/tmp/x', 'wb') as f:
    for i in range(60):
        f.write(bytes(1 << 20))
time.sleep(1000)
)",
                {.wall_seconds = 60, .memory_bytes = 48LL << 20, .file_bytes = 64LL << 20});
}

TEST_F(Escape, DoesNotOutliveItsLimit) {
  const SandboxLimits short_time{.wall_seconds = 0.3};
  expect_ending(Ending::timed_out, "time.sleep(1000)", short_time);
  expect_ending(Ending::timed_out, R"(
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    time.sleep(1000)
)",
                short_time);
  expect_ending(Ending::timed_out, R"(
for fd in range(4):
    os.close(fd)
time.sleep(1000)
)",
                short_time);
  expect_ending(Ending::timed_out, R"(
try:
    time.sleep(1000)
finally:
    while True:
        time.sleep(1000)
)",
                short_time);
  expect_ending(Ending::timed_out, "threading.Thread(target=time.sleep, args=(1000,)).start()\n",
                short_time);
  expect_ending(Ending::timed_out, "import atexit\natexit.register(time.sleep, 1000)\n",
                short_time);
  expect_ending(Ending::timed_out, "os.kill(os.getpid(), signal.SIGSTOP)", short_time);
}

// What the program leaves behind ends with it.
TEST_F(Escape, LeavesNoDaemon) {
  for (const char* leave : {"", "os.close(0); os.close(1); os.close(2); os.close(3)\n        "}) {
    expect_harmless(fmt::format(R"(
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_IGN)
        {}while True:
            time.sleep(1000)
    os._exit(0)
os.wait()
)",
                                leave));
  }
}

// Lineage itself may be killed, by a person or for want of memory.
TEST_F(Escape, EndsWithLineage) {
  sandbox_here();
  const pid_t lineage = ::fork();
  if (lineage == 0) {
    sandbox_here().run("import os, time\nos.fork()\ntime.sleep(1000)", {.wall_seconds = 1000});
    ::_exit(0);
  }
  // bwrap, its first process, the interpreter, and a child that the program itself starts
  const auto depth = [](pid_t process) {
    int levels = 0;
    for (; process > 0; ++levels) {
      const std::string of = std::to_string(process);
      std::ifstream children("/proc/" + of + "/task/" + of + "/children");
      if (!(children >> process)) process = 0;
    }
    return levels - 1;
  };
  while (depth(lineage) < 4) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::kill(lineage, SIGKILL);
  const Clock::time_point killed = Clock::now();
  pid_t ended;
  while ((ended = ::waitpid(-1, nullptr, WNOHANG)) >= 0 && seconds_since(killed) < 60)
    if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(ended < 0 && errno == ECHILD) << "the program lives";
}

TEST_F(Escape, KillsNobodyElse) {
  const pid_t bystander = ::fork();
  if (bystander == 0) {
    // Of the user that the programs have, where this is root's test.
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(1);
    while (true) ::pause();
  }
  const ProgramRun r = sandbox_here().run(fmt::format(R"({}
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for process in [{}, {}]:
    attempt('kill', lambda: os.kill(process, signal.SIGKILL))
    attempt('group', lambda: os.killpg(process, signal.SIGKILL))
    assert libc.ptrace(16, process, 0, 0) == -1
for number in [signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM]:
    os.kill(1, number)  # the namespace's first process ignores it
    if os.getppid() != 1: attempt('parent', lambda: os.kill(os.getppid(), number))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
try:
    os.kill(-1, signal.SIGKILL)
except ProcessLookupError:
    pass
os.kill(0, signal.SIGTERM)
open('/dev/null', 'w').write('all the same')
)",
                                                      kTools, ::getpid(), bystander));
  EXPECT_EQ(r.ending, Ending::passed) << r.output << r.error_tail;
  EXPECT_EQ(::waitpid(bystander, nullptr, WNOHANG), 0) << "the bystander was killed";
  ::kill(bystander, SIGKILL);
  ::waitpid(bystander, nullptr, 0);
}

TEST_F(Escape, WritesNoMoreThanItsOutput) {
  for (const char* program :
       {"while True: print('x' * 1000)", "while True: print('x' * 1000, file=sys.stderr)",
        "while True: os.write(1, b'x' * 60000); os.write(2, b'y' * 60000)", "print('x' * 30000)"}) {
    const ProgramRun r = run(program, {.wall_seconds = 60, .output_bytes = 20000});
    EXPECT_EQ(r.ending, Ending::too_much_output) << program;
    EXPECT_LE(r.output.size(), 20000u);
    EXPECT_LE(r.error_tail.size(), 4096u);
  }
  // The report of its end is read up to its size, and the writer waits.
  const ProgramRun r = run("while True: os.write(3, b'x' * 60000)", {.wall_seconds = 0.5});
  EXPECT_NE(r.ending, Ending::passed);
}

TEST_F(Escape, OpensFewFiles) {
  const ProgramRun r = run(R"(
files = []
try:
    while len(files) < 5000:
        files.append(open('/dev/null'))
except OSError as e:
    assert e.errno == errno.EMFILE
print(len(files))
)",
                           {.open_files = 32});
  EXPECT_EQ(r.ending, Ending::passed) << r.error_tail;
  EXPECT_LE(std::stoi(r.output), 28);
}

TEST_F(Escape, RaisesNoLimit) {
  expect_harmless(R"(
for name in ['NPROC', 'AS', 'CPU', 'FSIZE', 'NOFILE', 'STACK', 'MEMLOCK', 'MSGQUEUE', 'SIGPENDING',
             'CORE', 'RTPRIO']:
    which = getattr(resource, 'RLIMIT_' + name)
    soft, hard = resource.getrlimit(which)
    assert soft == hard != resource.RLIM_INFINITY, (name, soft, hard)
    tries(name, [lambda: resource.setrlimit(which, (hard + 1, hard + 1)),
                 lambda: resource.setrlimit(which, (soft, resource.RLIM_INFINITY)),
                 lambda: resource.prlimit(1, which, (hard + 1, hard + 1))])
attempt('nice', lambda: os.nice(-5))
)");
}

TEST_F(Escape, UsesNoMoreCpu) {
  const SandboxLimits little{.wall_seconds = 60, .cpu_seconds = 0.5};
  expect_ending(Ending::out_of_cpu, "while True: pass", little);
  expect_ending(Ending::out_of_cpu, R"(
import hashlib
def burn():
    while True:
        hashlib.sha256(bytes(1 << 22))
for i in range(8):
    threading.Thread(target=burn).start()
)",
                little);
  expect_ending(Ending::out_of_cpu, R"(
for i in range(4):
    if os.fork() == 0:
        while True: pass
time.sleep(1000)
)",
                little);
  // By many that each end soon.
  expect_ending(Ending::out_of_cpu, R"(
while True:
    if os.fork() == 0:
        for i in range(100000): pass
        os._exit(0)
    os.wait()
)",
                little);
}

}  // namespace
}  // namespace lineage
