// SPDX-License-Identifier: Apache-2.0
// The seccomp filter of weftd: the kernel lets a thread make the system calls of syscall_groups.h
// and a few uses of others, and no more. There is no way back. An attacker who has taken over a
// worker by way of a frame can then execute nothing, open nothing and trace nobody.
//
// Whatever is not on the list ends the process with a sentence that names the call and the thread,
// or fails with EPERM. Some uses fail in any case, because libraries and drivers try them and go on
// without: clone3 (ENOSYS: glibc then takes clone, whose flags can be looked at), sockets of other
// families, memory that is writable and executable, bpf and ioctl (a `port add` of a NIC then fails
// and the switch goes on). Of bpf there are never more commands than an XDP program takes, of setns
// never other namespaces than networks'.
#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace weft {

struct SyscallFilter {
  enum class Room : uint8_t { kControl, kWorker };
  enum class Forbidden : uint8_t { kEndsTheProcess, kFails };

  Room room = Room::kControl;
  Forbidden forbidden = Forbidden::kEndsTheProcess;
  bool network = false;     // sockets and ioctls of NICs
  bool programs = false;    // control: XDP programs, and AF_XDP's sockets
  bool namespaces = false;  // control: other network namespaces

  // For every thread of the process, those that will be started too. Once, before any Load.
  absl::Status LoadForAll() const;
  // For the calling thread and those that it starts, on top of what holds already.
  absl::Status Load() const;
};

}  // namespace weft
