// SPDX-License-Identifier: Apache-2.0
// Survives a tenant that truncates or hole-punches its memory file (hostile.md rule 8): a SIGBUS
// inside a registered range puts anonymous memory there and raises the range's flag; a SIGBUS
// anywhere else gets the action that was there before.
//
// A signal handler has no `this`: its table of ranges is one of weft's few globals (CONTRIBUTING.md
// has all). It is fixed, lock-free, written by the control thread and read by whichever thread
// faults.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weft {

// How many ranges one port may have at a time.
inline constexpr size_t kMaxTenantRegions = 8;

// Installs the handler; safe to call again. Control, before the first region is mapped.
void InstallMemoryFaultHandler();

// Watches [begin, begin + length); `begin` and `length` are multiples of `page_size`, the size at
// which the range is mapped, in bytes. A fault in it stores true to `faulted`. Control.
// Returns the slot to give back, or -1 if the table is full.
int WatchMemoryRange(uint8_t* begin, size_t length, size_t page_size, std::atomic<bool>* faulted);

// Ends the watch; call it before the range is unmapped, when no thread touches it any more.
// Control.
void UnwatchMemoryRange(int slot);

}  // namespace weft
