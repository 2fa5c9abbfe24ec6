// SPDX-License-Identifier: Apache-2.0
#include "core/sandbox/syscall_filter.h"

#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/base/signal_text.h"
#include "core/base/text.h"
#include "core/sandbox/syscall_groups.h"

namespace weft {
namespace {

constexpr uint64_t kLow32 = 0xffff'ffff;  // of arguments that the kernel takes as int

// New threads of this process, and nothing else: no fork, no vfork, no namespace.
constexpr uint64_t kThreadFlags = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
constexpr uint64_t kNamespaceFlags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

// Why the process ends: the names of system calls, for a signal handler, which has no `this`
// (CONTRIBUTING.md has all such globals). Written before the filter is loaded.
constexpr int kMaxSyscalls = 512;
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
constinit std::array<char*, kMaxSyscalls> syscall_names{};

// Async-signal-safe: bare system calls, all of them on the list.
void OnForbidden(int /*signal*/, siginfo_t* info, void* /*context*/) {
  if (info->si_code <= 0) {  // somebody sent it
    signal(SIGSYS, SIG_DFL);
    raise(SIGSYS);
    return;
  }
  const int number = info->si_syscall;
  const char* const name =
      number >= 0 && number < kMaxSyscalls ? syscall_names[static_cast<size_t>(number)] : nullptr;
  char thread[16] = "?";  // TASK_COMM_LEN
  prctl(PR_GET_NAME, thread);
  SignalText sentence;
  sentence.Add("weftd: the sandbox ends it: thread ");
  sentence.Add(thread);
  sentence.Add(" made the system call ");
  sentence.Add(name == nullptr ? "number" : name);
  sentence.Add(" (");
  sentence.Add(number);
  sentence.Add(
      "), which weft never needs; if a driver or a plugin does, [weft] sandbox = \"off\" in "
      "startup.conf lets it\n");
  sentence.Print(STDERR_FILENO);
  std::abort();
}

void PrepareSentence() {
  for (int number = 0; number < kMaxSyscalls; ++number) {
    char*& name = syscall_names[static_cast<size_t>(number)];
    if (name == nullptr) name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
  }
  struct sigaction action {};
  action.sa_sigaction = OnForbidden;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSYS, &action, nullptr);
  sigset_t own;
  sigemptyset(&own);
  sigaddset(&own, SIGSYS);
  pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
}

struct Release {
  void operator()(scmp_filter_ctx context) const { seccomp_release(context); }
};

// The rules, in libseccomp's hands. The first error sticks.
class Rules {
 public:
  explicit Rules(uint32_t by_default)
      : context_(seccomp_init(by_default)), by_default_(by_default) {
    if (context_ == nullptr) {
      error_ = -ENOMEM;
      return;
    }
    // Another ABI's numbers mean other calls.
    Set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    // Kernels before 5.16 take a filter as a wish for a slower processor (speculative store
    // bypass); frames are no programs.
    Set(SCMP_FLTATR_CTL_SSB, 1);
    // A binary tree: with some 150 calls the last would be looked for longest.
    Set(SCMP_FLTATR_CTL_OPTIMIZE, 2);
  }

  void Allow(const char* name) { Add(SCMP_ACT_ALLOW, name, {}); }
  void AllowIf(const char* name, scmp_arg_cmp condition) { Add(SCMP_ACT_ALLOW, name, {condition}); }
  void FailIf(const char* name, uint16_t error, scmp_arg_cmp condition) {
    Add(SCMP_ACT_ERRNO(error), name, {condition});
  }
  void Fail(const char* name, uint16_t error) { Add(SCMP_ACT_ERRNO(error), name, {}); }

  absl::Status Load(bool all_threads) {
    if (all_threads) Set(SCMP_FLTATR_CTL_TSYNC, 1);
    if (error_ == 0) Keep(seccomp_load(context_.get()));
    if (error_ == 0) return absl::OkStatus();
    return absl::FailedPreconditionError(
        Cat("cannot load the filter of system calls: ", std::strerror(-error_)));
  }

 private:
  void Set(scmp_filter_attr attribute, uint32_t value) {
    if (error_ == 0) Keep(seccomp_attr_set(context_.get(), attribute, value));
  }
  void Add(uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    // Other processors have fewer calls; libseccomp gives those negative numbers.
    if (error_ != 0 || number < 0) return;
    if (action == by_default_) return;  // libseccomp calls it a mistake
    Keep(seccomp_rule_add_array(context_.get(), action, number,
                                static_cast<unsigned>(conditions.size()), conditions.begin()));
  }
  void Keep(int error) {
    if (error_ == 0) error_ = error;
  }

  std::unique_ptr<void, Release> context_;
  const uint32_t by_default_;
  int error_ = 0;
};

constexpr scmp_arg_cmp Is(unsigned argument, uint64_t value, uint64_t mask = ~uint64_t{0}) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

// No page is ever both: what a tenant writes cannot be run.
void AddMemory(Rules& rules) {
  constexpr uint64_t kBoth = PROT_WRITE | PROT_EXEC;
  constexpr unsigned kProtection = 2;  // its argument, of both calls
  for (const uint64_t one : {uint64_t{0}, uint64_t{PROT_WRITE}, uint64_t{PROT_EXEC}}) {
    rules.AllowIf("mmap", Is(kProtection, one, kBoth));
  }
  rules.FailIf("mmap", EACCES, Is(kProtection, kBoth, kBoth));
  // The loader maps what it runs as such; nothing becomes executable later.
  rules.AllowIf("mprotect", Is(kProtection, 0, PROT_EXEC));
  rules.FailIf("mprotect", EACCES, Is(kProtection, PROT_EXEC, PROT_EXEC));
}

void AddPrctl(Rules& rules) {
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_SET_TIMERSLACK, PR_SET_VMA,
                           PR_SET_NO_NEW_PRIVS, PR_CAPBSET_READ, PR_CAPBSET_DROP}) {
    rules.AllowIf("prctl", Is(0, static_cast<uint64_t>(option), kLow32));
  }
}

void AddSockets(Rules& rules, const SyscallFilter& filter) {
  constexpr int kFamilies = 64;  // AF_MAX is below it
  for (int family = 0; family < kFamilies; ++family) {
    const bool of_nics = family == AF_PACKET || family == AF_NETLINK || family == AF_INET;
    const scmp_arg_cmp condition = Is(0, static_cast<uint64_t>(family), kLow32);
    if (family == AF_UNIX || (filter.network && of_nics) || (filter.programs && family == AF_XDP)) {
      rules.AllowIf("socket", condition);
    } else {
      rules.FailIf("socket", EACCES, condition);
    }
  }
  rules.AllowIf("socketpair", Is(0, AF_UNIX, kLow32));
}

// A map of sockets, a program that looks into it, and a link that holds it at an interface. Drivers
// of DPDK's for AF_XDP want more, and are refused.
void AddBpf(Rules& rules, bool programs) {
  if (!programs) {
    rules.Fail("bpf", EPERM);
    return;
  }
  constexpr int kCommands = 64;  // linux/bpf.h has fewer
  for (int command = 0; command < kCommands; ++command) {
    const bool allowed = command == BPF_MAP_CREATE || command == BPF_MAP_UPDATE_ELEM ||
                         command == BPF_PROG_LOAD || command == BPF_LINK_CREATE;
    const scmp_arg_cmp condition = Is(0, static_cast<uint64_t>(command), kLow32);
    if (allowed) {
      rules.AllowIf("bpf", condition);
    } else {
      rules.FailIf("bpf", EPERM, condition);
    }
  }
}

void AddControl(Rules& rules, const SyscallFilter& filter) {
  rules.Fail("clone3", ENOSYS);
  AddBpf(rules, filter.programs);
  const scmp_arg_cmp of_networks = Is(1, CLONE_NEWNET, kLow32);
  if (filter.namespaces) {
    rules.AllowIf("setns", of_networks);
  } else {
    rules.FailIf("setns", EPERM, of_networks);  // a `port add` may ask for one
  }
  rules.AllowIf("clone", Is(0, kThreadFlags, kThreadFlags | kNamespaceFlags));
  rules.AllowIf("prlimit64", Is(0, 0, kLow32));  // of ourselves
  AddSockets(rules, filter);
}

absl::Status LoadFilter(const SyscallFilter& filter, bool all_threads) {
  const bool control = filter.room == SyscallFilter::Room::kControl;
  Rules rules(filter.forbidden == SyscallFilter::Forbidden::kFails ? SCMP_ACT_ERRNO(EPERM)
                                                                   : SCMP_ACT_TRAP);
  for (const SyscallGroup& group : SyscallGroups()) {
    const bool allowed = control || group.reach == Reach::kEverywhere ||
                         (group.reach == Reach::kNetworkedWorker && filter.network);
    if (!allowed) continue;
    for (const char* const name : group.names) {
      // Control's sendto and recvfrom are in two groups; ioctl is for NICs.
      if (std::strcmp(name, "ioctl") != 0 || filter.network) rules.Allow(name);
    }
  }
  if (!filter.network) {
    // Only what stdio asks of a file that it opens: is it a terminal? A driver hears that it may
    // not.
    rules.AllowIf("ioctl", {1, SCMP_CMP_EQ, TCGETS, 0});
    rules.FailIf("ioctl", EPERM, {1, SCMP_CMP_NE, TCGETS, 0});
  }
  AddMemory(rules);
  AddPrctl(rules);
  // abort() signals itself; nobody signals another process.
  rules.AllowIf("tgkill", Is(0, static_cast<uint64_t>(getpid()), kLow32));
  if (control) AddControl(rules, filter);
  PrepareSentence();
  return rules.Load(all_threads);
}

}  // namespace

absl::Status SyscallFilter::LoadForAll() const { return LoadFilter(*this, true); }

absl::Status SyscallFilter::Load() const { return LoadFilter(*this, false); }

}  // namespace weft
