// SPDX-License-Identifier: Apache-2.0
#include "core/sandbox/syscall_groups.h"

#include <array>

namespace weft {
namespace {

constexpr const char* kDescriptors[] = {"read",  "readv",     "pread64",    "write",      "writev",
                                        "close", "lseek",     "fstat",      "poll",       "ppoll",
                                        "fsync", "fdatasync", "epoll_wait", "epoll_pwait"};
// The process's own; `madvise` and `brk` are malloc's, and thread stacks'.
constexpr const char* kMemory[] = {"brk", "munmap", "madvise", "mremap"};
constexpr const char* kTime[] = {"clock_gettime", "clock_getres",    "gettimeofday",   "time",
                                 "nanosleep",     "clock_nanosleep", "restart_syscall"};
// What a thread does from its first instruction to its last, and abort().
constexpr const char* kThreads[] = {"futex",
                                    "sched_yield",
                                    "sched_getaffinity",
                                    "sched_setaffinity",
                                    "getcpu",
                                    "gettid",
                                    "getpid",
                                    "set_robust_list",
                                    "rseq",
                                    "rt_sigprocmask",
                                    "rt_sigaction",
                                    "rt_sigreturn",
                                    "sigaltstack",
                                    "membarrier",
                                    "getrandom",
                                    "exit",
                                    "exit_group"};

// Drivers whose queues are sockets or ioctls: af_packet, TAP, virtio-user, PCI behind vfio.
constexpr const char* kNicQueues[] = {"sendto",  "sendmsg",  "sendmmsg", "recvfrom",
                                      "recvmsg", "recvmmsg", "ioctl"};

// Sockets of ports, of weftctl, and the files that DPDK looks into.
constexpr const char* kFiles[] = {
    "openat",    "open",      "newfstatat", "stat",       "lstat",    "statx",        "statfs",
    "fstatfs",   "access",    "faccessat",  "faccessat2", "readlink", "readlinkat",   "getdents64",
    "getcwd",    "mkdir",     "mkdirat",    "rmdir",      "unlink",   "unlinkat",     "chmod",
    "fchmod",    "fchmodat",  "chown",      "fchown",     "lchown",   "fchownat",     "umask",
    "ftruncate", "fallocate", "fadvise64",  "flock",      "fcntl",    "dup",          "dup2",
    "dup3",      "pipe2",     "pwrite64",   "pwritev",    "preadv",   "memfd_create", "getxattr"};
constexpr const char* kSockets[] = {"bind",       "listen",     "accept",      "accept4",
                                    "connect",    "shutdown",   "sendto",      "sendmsg",
                                    "sendmmsg",   "recvfrom",   "recvmsg",     "recvmmsg",
                                    "getsockopt", "setsockopt", "getsockname", "getpeername"};
constexpr const char* kEvents[] = {
    "epoll_create",   "epoll_create1",   "epoll_ctl",       "eventfd2",     "signalfd4",
    "timerfd_create", "timerfd_settime", "timerfd_gettime", "timer_create", "timer_settime",
    "timer_gettime",  "timer_delete",    "select",          "pselect6"};
// Threads that control starts, and what is asked of the process itself.
constexpr const char* kProcess[] = {"set_tid_address",
                                    "getuid",
                                    "geteuid",
                                    "getgid",
                                    "getegid",
                                    "getresuid",
                                    "getresgid",
                                    "getgroups",
                                    "uname",
                                    "sysinfo",
                                    "times",
                                    "getrusage",
                                    "getrlimit",
                                    "getppid",
                                    "capget",
                                    "sched_getparam",
                                    "sched_getscheduler",
                                    "sched_setscheduler",
                                    "sched_get_priority_max",
                                    "sched_get_priority_min",
                                    "rt_sigtimedwait",
                                    "rt_sigpending"};
// Giving up more: what a worker does as it starts. Neither can give anything back.
constexpr const char* kGivingUp[] = {"seccomp", "capset"};
// DPDK's memory: huge pages that are locked, and placed on a NUMA node.
constexpr const char* kDpdkMemory[] = {"mlock",   "mlock2", "munlock",       "msync",
                                       "mincore", "mbind",  "get_mempolicy", "set_mempolicy"};

constexpr std::array<SyscallGroup, 11> kGroups = {{
    {"descriptors that are open", Reach::kEverywhere, kDescriptors},
    {"memory", Reach::kEverywhere, kMemory},
    {"time", Reach::kEverywhere, kTime},
    {"threads", Reach::kEverywhere, kThreads},
    {"queues of NICs", Reach::kNetworkedWorker, kNicQueues},
    {"files", Reach::kControl, kFiles},
    {"sockets", Reach::kControl, kSockets},
    {"events", Reach::kControl, kEvents},
    {"the process", Reach::kControl, kProcess},
    {"giving up more", Reach::kControl, kGivingUp},
    {"memory of DPDK", Reach::kControl, kDpdkMemory},
}};

}  // namespace

std::span<const SyscallGroup> SyscallGroups() { return kGroups; }

}  // namespace weft
