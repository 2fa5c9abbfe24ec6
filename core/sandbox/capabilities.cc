// SPDX-License-Identifier: Apache-2.0
#include "core/sandbox/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/base/text.h"

namespace weft {
namespace {

// By number, as linux/capability.h has them.
constexpr std::array<std::string_view, CAP_LAST_CAP + 1> kNames = {"chown",
                                                                   "dac-override",
                                                                   "dac-read-search",
                                                                   "fowner",
                                                                   "fsetid",
                                                                   "kill",
                                                                   "setgid",
                                                                   "setuid",
                                                                   "setpcap",
                                                                   "linux-immutable",
                                                                   "net-bind-service",
                                                                   "net-broadcast",
                                                                   "net-admin",
                                                                   "net-raw",
                                                                   "ipc-lock",
                                                                   "ipc-owner",
                                                                   "sys-module",
                                                                   "sys-rawio",
                                                                   "sys-chroot",
                                                                   "sys-ptrace",
                                                                   "sys-pacct",
                                                                   "sys-admin",
                                                                   "sys-boot",
                                                                   "sys-nice",
                                                                   "sys-resource",
                                                                   "sys-time",
                                                                   "sys-tty-config",
                                                                   "mknod",
                                                                   "lease",
                                                                   "audit-write",
                                                                   "audit-control",
                                                                   "setfcap",
                                                                   "mac-override",
                                                                   "mac-admin",
                                                                   "syslog",
                                                                   "wake-alarm",
                                                                   "block-suspend",
                                                                   "audit-read",
                                                                   "perfmon",
                                                                   "bpf",
                                                                   "checkpoint-restore"};
static_assert(kNames[CAP_NET_RAW] == "net-raw" && kNames[CAP_SYS_NICE] == "sys-nice" &&
              kNames[CAP_LAST_CAP] == "checkpoint-restore");

// glibc has no wrappers for capget and capset. Two words of 32 bits each (version 3).
using Words = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

__user_cap_header_struct ThisThread() { return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0}; }

bool Get(Words& words) {
  __user_cap_header_struct header = ThisThread();
  return syscall(SYS_capget, &header, words.data()) == 0;
}

uint64_t Joined(uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; }

}  // namespace

CapabilitySet CapabilitySet::Effective() {
  Words words{};
  if (!Get(words)) return {};
  return OfBits(Joined(words[0].effective, words[1].effective));
}

std::optional<int> CapabilitySet::NumberOf(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<int>(found - kNames.begin());
}

std::string CapabilitySet::ToString() const {
  std::vector<std::string_view> names;
  for (size_t number = 0; number < kNames.size(); ++number) {
    if (Has(static_cast<int>(number))) names.push_back(kNames[number]);
  }
  return names.empty() ? "nothing" : Join(names, ", ");
}

absl::Status KeepOnly(CapabilitySet kept) {
  // First, while we may: without CAP_SETPCAP the bounding set stays, and then matters as little,
  // for it bounds what a program gains when it is executed, and no_new_privs lets it gain nothing.
  for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number) {
    if (!kept.Has(number)) prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  }
  Words words{};
  if (!Get(words)) return absl::InternalError(Cat("capget: ", std::strerror(errno)));
  for (size_t i = 0; i < words.size(); ++i) {
    const auto mask = static_cast<uint32_t>(kept.bits() >> (32 * i));
    words[i].permitted &= mask;
    words[i].effective &= mask;
    words[i].inheritable = 0;  // and with it the ambient ones
  }
  __user_cap_header_struct header = ThisThread();
  if (syscall(SYS_capset, &header, words.data()) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(Cat("cannot give up capabilities: ", std::strerror(errno)));
}

}  // namespace weft
