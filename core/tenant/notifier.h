// SPDX-License-Identifier: Apache-2.0
// The thread that interrupts containers: it writes their call eventfds, so that no worker makes a
// syscall on a tenant's descriptor (hostile.md rule 11).
//
// A tenant shares the file description of its eventfd and can make a write to it block. While the
// thread has work a timer signals it every millisecond: a write that blocks returns EINTR, its slot
// and its port are marked blocked() and the slot is not written again; the owner of the port puts
// it in error. The mark of the port stays until a new session begins, whatever the tenant has done
// with the descriptor meanwhile.
//
// Requests are bits, one a slot: asking twice before the thread comes round is asking once, nothing
// can overflow and nothing is allocated.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "core/base/ids.h"
#include "core/base/unique_fd.h"

namespace weft {

// A registered eventfd, as workers know it. Valid while its CallLease lives.
struct CallHandle {
  uint16_t slot = 0xffff;
  bool valid() const { return slot != 0xffff; }
};

class CallLease;

class Notifier {
 public:
  // Each port has slots of its own, so that no tenant can use up another's: 16 rings, one again
  // while it is swapped, and what the thread has not closed yet (no more come while half are that).
  static constexpr size_t kSlotsPerPort = 48;
  static constexpr size_t kSlots = kSlotsPerPort * kMaxPorts;
  static_assert(kSlots < CallHandle().slot);

  Notifier();   // starts the thread; takes the handler of signal kSignal for the process
  ~Notifier();  // every lease has gone
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Control: takes over an eventfd of a port's. Errors: InvalidArgument if it is anything else,
  // ResourceExhausted if the port has no slot left.
  absl::StatusOr<std::shared_ptr<const CallLease>> Register(PortId port, UniqueFd eventfd);

  // Worker: have the container interrupted. Costs an atomic or two; one syscall if the thread
  // sleeps.
  void Notify(CallHandle handle) {
    std::atomic<uint64_t>& word = pending_[handle.slot / 64];
    const uint64_t bit = uint64_t{1} << (handle.slot % 64);
    // The read-modify-write is also the fence between "bit set" and "does it sleep?".
    if ((word.fetch_or(bit) & bit) == 0 && sleeping_.load()) Wake();
  }

  // Control: true while the thread has half of a port's slots yet to close; the port should not
  // register more.
  bool crowded(PortId port) const;

  // Control: true once a write to it had to be interrupted.
  bool blocked(CallHandle handle) const { return slots_[handle.slot].blocked.load(); }
  // Control: the same for any descriptor of a port's since Pardon.
  bool blocked(PortId port) const { return blocked_ports_[port.value()].load(); }
  void Pardon(PortId port) { blocked_ports_[port.value()] = false; }

  // Eventfd writes so far. Any thread.
  uint64_t writes() const { return writes_.load(std::memory_order_relaxed); }

 private:
  friend class CallLease;
  enum class SlotState : uint8_t { kFree, kLive, kRetired };
  struct Slot {
    std::atomic<SlotState> state{SlotState::kFree};
    std::atomic<bool> blocked{false};
    int fd = -1;  // control writes it while kFree, the thread closes it when kRetired
  };

  void Run();
  void ServePending();
  void CloseRetired();
  bool HasWork() const;
  void Wake();
  void Retire(CallHandle handle);

  std::array<std::atomic<uint64_t>, kSlots / 64> pending_{};
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> any_retired_{false};
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> writes_{0};
  std::array<Slot, kSlots> slots_;
  std::array<std::atomic<bool>, kMaxPorts> blocked_ports_{};
  std::array<std::atomic<bool>, kMaxPorts> retired_ports_{};  // who has slots to close
  UniqueFd wake_;
  std::thread thread_;
};

// Keeps a handle valid; control lets go of it after quiescence (a RingView holds one).
class CallLease {
 public:
  CallLease(Notifier& notifier, CallHandle handle) : notifier_(notifier), handle_(handle) {}
  ~CallLease() { notifier_.Retire(handle_); }
  CallLease(const CallLease&) = delete;
  CallLease& operator=(const CallLease&) = delete;

  CallHandle handle() const { return handle_; }
  bool blocked() const { return notifier_.blocked(handle_); }

 private:
  Notifier& notifier_;
  const CallHandle handle_;
};

}  // namespace weft
