// SPDX-License-Identifier: Apache-2.0
#include "core/sandbox/syscall_filter.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "core/sandbox/syscall_groups.h"
#include "tests/core/sandbox/child.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using Room = SyscallFilter::Room;
using Forbidden = SyscallFilter::Forbidden;

constexpr SyscallFilter kControl;
constexpr SyscallFilter kWorker{.room = Room::kWorker};
constexpr SyscallFilter kRefusing{.forbidden = Forbidden::kFails};

struct Call {
  const char* name;
  long number;
  long a = 0, b = 0, c = 0, d = 0;
  long Make() const { return syscall(number, a, b, c, d, 0L, 0L); }
};
// gtest's name of a value.
void PrintTo(const Call& call, std::ostream* to) { *to << call.name; }

// Bad arguments, so that a call which slips through does nothing.
const Call kNever[] = {
    {"execve", SYS_execve},
    {"execveat", SYS_execveat, -1},
    {"ptrace", SYS_ptrace, -1},
    {"process_vm_readv", SYS_process_vm_readv, -1},
    {"process_vm_writev", SYS_process_vm_writev, -1},
    {"mount", SYS_mount},
    {"umount2", SYS_umount2},
    {"pivot_root", SYS_pivot_root},
    {"chroot", SYS_chroot},
    {"kexec_load", SYS_kexec_load, -1, -1, -1, -1},
    {"kexec_file_load", SYS_kexec_file_load, -1, -1},
    {"init_module", SYS_init_module},
    {"finit_module", SYS_finit_module, -1},
    {"delete_module", SYS_delete_module},
    {"unshare", SYS_unshare, -1},
    {"setns", SYS_setns, -1},
    {"fork", SYS_fork},
    {"vfork", SYS_vfork},
    {"clone", SYS_clone, SIGCHLD},
    {"clone", SYS_clone, CLONE_NEWUSER | SIGCHLD},
    {"kill", SYS_kill, 0, 0},
    {"tgkill", SYS_tgkill, 1, 1, 0},
    {"prlimit64", SYS_prlimit64, 1},
    {"setuid", SYS_setuid, -1},
    {"keyctl", SYS_keyctl, -1},
    {"perf_event_open", SYS_perf_event_open},
    {"io_uring_setup", SYS_io_uring_setup},
    {"userfaultfd", SYS_userfaultfd, -1},
    {"pidfd_getfd", SYS_pidfd_getfd, -1, -1},
    {"open_by_handle_at", SYS_open_by_handle_at, -1},
    {"prctl", SYS_prctl, PR_SET_DUMPABLE, 1},
};

class Never : public testing::TestWithParam<Call> {};

TEST_P(Never, EndsTheProcessWithASentence) {
  const Call& call = GetParam();
  for (const SyscallFilter& filter : {kControl, kWorker}) {
    const ChildEnd end = InChild([&] {
      if (!filter.LoadForAll().ok()) return 1;
      call.Make();
      return 2;
    });
    EXPECT_TRUE(end.Aborted()) << end.status;
    EXPECT_THAT(end.said, HasSubstr(std::string("made the system call ") + call.name + " (" +
                                    std::to_string(call.number) + ")"));
  }
}

TEST_P(Never, FailsIfItIsOnlyToBeRefused) {
  const Call& call = GetParam();
  const ChildEnd end = InChild([&] {
    if (!kRefusing.LoadForAll().ok()) return 1;
    return call.Make() == -1 && errno == EPERM ? 0 : 2;
  });
  EXPECT_TRUE(end.Exited(0)) << end.status;
}

INSTANTIATE_TEST_SUITE_P(Calls, Never, testing::ValuesIn(kNever));

// What a worker may do less than control.
const Call kNotOnAWorker[] = {
    {"openat", SYS_openat, AT_FDCWD},
    {"socket", SYS_socket, AF_UNIX, SOCK_STREAM},
    {"connect", SYS_connect, -1},
    {"sendmsg", SYS_sendmsg, -1},
    {"unlink", SYS_unlink},
    {"fchmod", SYS_fchmod, -1},
    {"clone", SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND},
    {"epoll_ctl", SYS_epoll_ctl, -1},
    {"timer_settime", SYS_timer_settime, -1},
    {"seccomp", SYS_seccomp, -1},
};

class NotOnAWorker : public testing::TestWithParam<Call> {};

TEST_P(NotOnAWorker, EndsTheProcessWithASentence) {
  const Call& call = GetParam();
  const ChildEnd end = InChild([&] {
    if (!kControl.LoadForAll().ok()) return 1;
    // The thread that breaks the rule is named; the one beside it has its own rules.
    std::thread worker([&] {
      pthread_setname_np(pthread_self(), "weft-w7");
      if (!kWorker.Load().ok()) _exit(3);
      call.Make();
    });
    worker.join();
    return 2;
  });
  EXPECT_TRUE(end.Aborted()) << end.status;
  EXPECT_THAT(end.said, HasSubstr(std::string("thread weft-w7 made the system call ") + call.name));
}

INSTANTIATE_TEST_SUITE_P(Calls, NotOnAWorker, testing::ValuesIn(kNotOnAWorker));

bool SocketIs(int family, int error) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) close(fd);
  return error == 0 ? fd >= 0 : fd == -1 && errno == error;
}

TEST(SyscallFilter, LetsControlDoItsWork) {
  const ChildEnd end = InChild([] {
    if (!kControl.LoadForAll().ok()) return 1;
    char directory[] = "/tmp/weft-filter-XXXXXX";
    if (mkdtemp(directory) == nullptr) return 2;
    const std::string path = std::string(directory) + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const auto* const name = reinterpret_cast<const sockaddr*>(&address);
    const int server = socket(AF_UNIX, SOCK_STREAM, 0);
    const bool bound = bind(server, name, sizeof(address)) == 0 && listen(server, 1) == 0;
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    const bool joined = connect(client, name, sizeof(address)) == 0 &&
                        accept4(server, nullptr, nullptr, SOCK_CLOEXEC) >= 0;
    unlink(path.c_str());
    rmdir(directory);
    if (!bound || !joined) return 3;
    const int memory = memfd_create("weft", 0);
    if (memory < 0 || ftruncate(memory, 4096) != 0) return 4;
    if (mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0) == MAP_FAILED) return 5;
    if (epoll_create1(0) < 0 || eventfd(0, 0) < 0) return 6;
    // Threads come and go.
    std::atomic<int> ran = 0;
    for (int i = 0; i < 3; ++i) std::thread([&ran] { ++ran; }).join();
    return ran == 3 ? 0 : 7;
  });
  EXPECT_TRUE(end.Exited(0)) << end.status << end.said;
}

TEST(SyscallFilter, LetsAWorkerSleepAndBeWoken) {
  const ChildEnd end = InChild([] {
    const int wake = eventfd(1, EFD_NONBLOCK);
    if (!kWorker.LoadForAll().ok()) return 1;
    pollfd watched{.fd = wake, .events = POLLIN, .revents = 0};
    const timespec longest{.tv_sec = 10, .tv_nsec = 0};
    if (ppoll(&watched, 1, &longest, nullptr) != 1) return 2;
    uint64_t count = 0;
    if (read(wake, &count, sizeof(count)) != sizeof(count)) return 3;
    if (write(wake, &count, sizeof(count)) != sizeof(count)) return 4;
    const timespec nap{.tv_sec = 0, .tv_nsec = 1};
    nanosleep(&nap, nullptr);
    // What repairs a hole in a tenant's memory.
    return mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                   MAP_FAILED
               ? 5
               : 0;
  });
  EXPECT_TRUE(end.Exited(0)) << end.status << end.said;
}

TEST(SyscallFilter, SomeFailuresAreForLibrariesToGoOnWithout) {
  const ChildEnd end = InChild([] {
    if (!kControl.LoadForAll().ok()) return 1;
    if (!SocketIs(AF_UNIX, 0)) return 2;
    for (const int family : {AF_INET, AF_INET6, AF_PACKET, AF_NETLINK, AF_ALG, AF_VSOCK}) {
      if (!SocketIs(family, EACCES)) return 3;
    }
    if (syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS) return 4;
    if (syscall(SYS_bpf, -1, nullptr, 0) != -1 || errno != EPERM) return 7;
    if (setns(-1, CLONE_NEWNET) != -1 || errno != EPERM) return 10;
    if (ioctl(-1, TIOCSTI) != -1 || errno != EPERM) return 8;
    if (ioctl(-1, TCGETS) != -1 || errno != EBADF) return 9;
    void* const page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mprotect(page, 4096, PROT_READ | PROT_EXEC) != -1 || errno != EACCES) return 5;
    if (mmap(nullptr, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
            MAP_FAILED ||
        errno != EACCES)
      return 6;
    return 0;
  });
  EXPECT_TRUE(end.Exited(0)) << end.status << end.said;
}

TEST(SyscallFilter, NicsNeedMoreSocketsAndIoctl) {
  const ChildEnd end = InChild([] {
    if (!SyscallFilter{.network = true}.LoadForAll().ok()) return 1;
    for (const int family : {AF_UNIX, AF_INET, AF_NETLINK}) {
      if (!SocketIs(family, 0)) return 2;
    }
    if (!SocketIs(AF_INET6, EACCES)) return 3;
    return ioctl(-1, SIOCGIFINDEX) == -1 && errno == EBADF ? 0 : 4;
  });
  EXPECT_TRUE(end.Exited(0)) << end.status << end.said;
}

TEST(SyscallFilter, ProgramsAreFourCommandsAndSocketsOfTheirOwn) {
  if (geteuid() != 0) GTEST_SKIP() << "the kernel itself may refuse others with EPERM";
  const ChildEnd end = InChild([] {
    if (!SyscallFilter{.network = true, .programs = true}.LoadForAll().ok()) return 1;
    if (!SocketIs(AF_ALG, EACCES)) return 2;
    const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd == -1 && errno == EACCES) return 3;
    constexpr size_t kTooLarge = size_t{1} << 20;  // so that no command does anything
    for (const int command :
         {BPF_MAP_CREATE, BPF_MAP_UPDATE_ELEM, BPF_PROG_LOAD, BPF_LINK_CREATE}) {
      if (syscall(SYS_bpf, command, nullptr, kTooLarge) != -1 || errno != E2BIG) return 4;
    }
    for (const int command : {BPF_OBJ_GET, BPF_PROG_ATTACH, BPF_PROG_GET_FD_BY_ID}) {
      if (syscall(SYS_bpf, command, nullptr, kTooLarge) != -1 || errno != EPERM) return 5;
    }
    return 0;
  });
  EXPECT_TRUE(end.Exited(0)) << end.status << end.said;
}

TEST(SyscallFilter, OtherNamespacesAreThoseOfNetworksAlone) {
  const auto change = [](int kind) {
    return InChild([kind] {
      if (!SyscallFilter{.network = true, .namespaces = true}.LoadForAll().ok()) return 1;
      return setns(-1, kind) == -1 && errno == EBADF ? 0 : 2;
    });
  };
  EXPECT_TRUE(change(CLONE_NEWNET).Exited(0));
  EXPECT_TRUE(change(CLONE_NEWNS).Aborted());
  EXPECT_TRUE(change(0).Aborted());
}

TEST(SyscallFilter, HoldsForThreadsThatAreThereAlready) {
  const ChildEnd end = InChild([] {
    std::atomic<bool> loaded = false;
    std::atomic<int> result = 0;
    std::thread other([&] {
      while (!loaded) std::this_thread::yield();
      result = syscall(SYS_unshare, -1) == -1 && errno == EPERM ? 1 : 2;
    });
    const bool ok = kRefusing.LoadForAll().ok();
    loaded = true;
    other.join();
    return ok && result == 1 ? 0 : 1;
  });
  EXPECT_TRUE(end.Exited(0)) << end.status << end.said;
}

TEST(SyscallFilter, NobodyGainsPrivilegesAnyMore) {
  const ChildEnd end = InChild([] {
    if (!kControl.LoadForAll().ok()) return 1;
    return syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == -1 ? 0 : 2;
  });
  EXPECT_TRUE(end.Exited(0)) << end.status << end.said;
}

// A slip in a name would be a call that is never allowed.
TEST(SyscallGroups, KnowEveryNameOfTheirsAndListItOnce) {
  for (const SyscallGroup& group : SyscallGroups()) {
    std::set<std::string> seen;
    for (const char* const name : group.names) {
      EXPECT_GE(seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name), 0) << name;
      EXPECT_TRUE(seen.insert(name).second) << name << " twice in " << group.purpose;
    }
  }
}

TEST(SyscallGroups, AreClosedToWhatTakesOverMachines) {
  std::set<std::string> listed;
  for (const SyscallGroup& group : SyscallGroups()) {
    listed.insert(group.names.begin(), group.names.end());
  }
  for (const Call& call : kNever) {
    EXPECT_FALSE(listed.contains(call.name)) << call.name;
  }
}

}  // namespace
}  // namespace weft
