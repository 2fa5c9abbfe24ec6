// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/memory_fault.h"

#include <signal.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>

#include "core/base/ids.h"

namespace weft {
namespace {

// One watched range. `version` is odd while control rewrites the slot (a sequence lock): the range
// that a thread faults in cannot change meanwhile, so the handler may skip a slot that does.
struct WatchedRange {
  std::atomic<uint32_t> version{0};
  std::atomic<uintptr_t> begin{0};  // 0: the slot is free
  std::atomic<size_t> length{0};
  std::atomic<size_t> page_size{0};
  std::atomic<std::atomic<bool>*> faulted{nullptr};
};

// Each port's table twice: the old one lives until quiescence.
constexpr size_t kMaxRanges = 2 * kMaxPorts * kMaxTenantRegions;

struct FaultTable {
  std::array<WatchedRange, kMaxRanges> ranges;
  std::atomic<size_t> used{0};  // slots from here on were never used
  struct sigaction previous {};
  bool installed = false;
};

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see the header
constinit FaultTable table;

bool PutAnonymous(uintptr_t begin, size_t length) {
  return mmap(reinterpret_cast<void*>(begin), length, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

// True if `address` lies in a watched range and may now be touched. Async-signal-safe: atomics and
// mmap, which is a bare system call.
bool Repair(uintptr_t address) {
  const size_t used = table.used.load(std::memory_order_acquire);
  for (size_t i = 0; i < used; ++i) {
    const WatchedRange& range = table.ranges[i];
    const uint32_t version = range.version.load();
    const uintptr_t begin = range.begin.load();
    const size_t length = range.length.load();
    const size_t page_size = range.page_size.load();
    std::atomic<bool>* const faulted = range.faulted.load();
    if (version % 2 != 0 || range.version.load() != version) continue;
    if (begin == 0 || address - begin >= length) continue;
    faulted->store(true, std::memory_order_relaxed);
    const uintptr_t page = begin + (address - begin) / page_size * page_size;
    // Each repair splits a mapping and their number is limited; one for the whole range is not, but
    // takes time in proportion to what was mapped.
    return PutAnonymous(page, page_size) || PutAnonymous(begin, length);
  }
  return false;
}

void OnSigbus(int signal, siginfo_t* info, void* /*context*/) {
  const int saved_errno = errno;
  const bool from_the_kernel = info->si_code > 0;
  if (!from_the_kernel || !Repair(reinterpret_cast<uintptr_t>(info->si_addr))) {
    // Not ours: returning repeats the instruction, and the fault, under the previous action. A
    // signal that somebody sent does not repeat by itself.
    sigaction(signal, &table.previous, nullptr);
    if (!from_the_kernel) raise(signal);
  }
  errno = saved_errno;
}

}  // namespace

void InstallMemoryFaultHandler() {
  if (table.installed) return;
  struct sigaction action {};
  action.sa_sigaction = OnSigbus;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &table.previous);
  table.installed = true;
}

int WatchMemoryRange(uint8_t* begin, size_t length, size_t page_size, std::atomic<bool>* faulted) {
  for (size_t i = 0; i < kMaxRanges; ++i) {
    WatchedRange& range = table.ranges[i];
    if (range.begin.load() != 0) continue;
    range.version.fetch_add(1);
    range.length = length;
    range.page_size = page_size;
    range.faulted = faulted;
    range.begin = reinterpret_cast<uintptr_t>(begin);
    range.version.fetch_add(1);
    if (i >= table.used.load()) table.used.store(i + 1, std::memory_order_release);
    return static_cast<int>(i);
  }
  return -1;
}

void UnwatchMemoryRange(int slot) {
  WatchedRange& range = table.ranges[static_cast<size_t>(slot)];
  range.version.fetch_add(1);
  range.begin = 0;
  range.version.fetch_add(1);
}

}  // namespace weft
