// SPDX-License-Identifier: Apache-2.0
// The system calls that weft makes once it is sandboxed, by what they are for: the whole list. Data
// only; syscall_filter.h makes the kernel hold to it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weft {

// Who may make the calls of a group.
enum class Reach : uint8_t {
  kEverywhere,       // also a worker
  kNetworkedWorker,  // a worker that polls NICs of the kernel's or on PCI; and control
  kControl,          // any thread but a worker
};

struct SyscallGroup {
  std::string_view purpose;
  Reach reach;
  std::span<const char* const> names;
};

// Calls that are allowed whatever their arguments are. Those of which only some uses are allowed
// (clone, mmap, socket and others) are in syscall_filter.cc.
std::span<const SyscallGroup> SyscallGroups();

}  // namespace weft
