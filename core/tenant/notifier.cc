// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/notifier.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "core/base/clock.h"
#include "core/base/give_up.h"
#include "core/sandbox/capabilities.h"
#include "core/tenant/eventfd.h"

namespace weft {
namespace {

constexpr std::chrono::milliseconds kPatience(1);

// Interrupts a blocking write; nobody else of the process uses it. Not a constant: glibc decides.
int InterruptSignal() { return SIGRTMIN + 3; }

// The notifier thread's guard: signals it every millisecond while armed.
class WriteGuard {
 public:
  WriteGuard() {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = InterruptSignal();
    event._sigev_un._tid = gettid();  // glibc 2.36 has no sigev_notify_thread_id yet
    // Fails only if we ask for the wrong thing or the user's pending-signal limit is exhausted: a
    // switch whose notifier may hang for ever must not start.
    if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0)
      GiveUp("make the notifier's timer", errno);
  }
  ~WriteGuard() { timer_delete(timer_); }
  WriteGuard(const WriteGuard&) = delete;
  WriteGuard& operator=(const WriteGuard&) = delete;

  void Arm() { Set(std::chrono::duration_cast<Time>(kPatience).count()); }
  void Disarm() { Set(0); }

 private:
  void Set(int64_t nanoseconds) {
    const timespec every{.tv_sec = 0, .tv_nsec = nanoseconds};
    const itimerspec setting{.it_interval = every, .it_value = every};
    timer_settime(timer_, 0, &setting, nullptr);
  }

  timer_t timer_{};
};

}  // namespace

Notifier::Notifier() : wake_(eventfd(0, EFD_CLOEXEC)) {
  if (!wake_.valid()) GiveUp("make the notifier's eventfd", errno);
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART: the write returns EINTR
  sigemptyset(&action.sa_mask);
  sigaction(InterruptSignal(), &action, nullptr);
  // The thread takes no signal but its own: the control thread reads the rest from a signalfd. And
  // the sandbox's, which the thread itself would have caused.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigdelset(&all, InterruptSignal());
  sigdelset(&all, SIGSYS);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error& error) {
    GiveUp("start the notifier's thread", error.code().value());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "weft-notifier");
}

Notifier::~Notifier() {
  stop_ = true;
  Wake();
  thread_.join();
}

absl::StatusOr<std::shared_ptr<const CallLease>> Notifier::Register(PortId port, UniqueFd eventfd) {
  if (!IsEventFd(eventfd.get())) {
    return absl::InvalidArgumentError("the call descriptor is not an eventfd");
  }
  const size_t first = kSlotsPerPort * port.value();
  for (size_t i = first; i < first + kSlotsPerPort; ++i) {
    Slot& slot = slots_[i];
    if (slot.state.load() != SlotState::kFree) continue;
    slot.fd = eventfd.release();
    slot.blocked = false;
    slot.state = SlotState::kLive;
    return std::make_shared<const CallLease>(*this, CallHandle{static_cast<uint16_t>(i)});
  }
  return absl::ResourceExhaustedError(
      "its call descriptors are replaced faster than they can be closed");
}

bool Notifier::crowded(PortId port) const {
  const auto first = slots_.begin() + static_cast<ptrdiff_t>(kSlotsPerPort * port.value());
  return std::count_if(first, first + kSlotsPerPort, [](const Slot& slot) {
           return slot.state.load() == SlotState::kRetired;
         }) >= static_cast<ptrdiff_t>(kSlotsPerPort / 2);
}

void Notifier::Retire(CallHandle handle) {
  slots_[handle.slot].state = SlotState::kRetired;
  retired_ports_[handle.slot / kSlotsPerPort] = true;
  any_retired_ = true;
  Wake();
}

void Notifier::Wake() {
  sleeping_ = false;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(wake_.get(), &one, sizeof(one));
}

bool Notifier::HasWork() const {
  if (any_retired_ || stop_) return true;
  for (const std::atomic<uint64_t>& word : pending_) {
    if (word != 0) return true;
  }
  return false;
}

void Notifier::Run() {
  // It writes what is open, and needs no right for that. It cannot fail: nobody may hold it back.
  KeepOnly({}).IgnoreError();
  WriteGuard guard;
  while (!stop_) {
    guard.Arm();
    ServePending();
    guard.Disarm();
    CloseRetired();
    sleeping_ = true;
    if (HasWork()) {  // asked for after we looked and before the flag was up
      sleeping_ = false;
      continue;
    }
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof(count));
    sleeping_ = false;
  }
  CloseRetired();
}

void Notifier::ServePending() {
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (pending_[i].load(std::memory_order_relaxed) == 0) continue;
    for (uint64_t bits = pending_[i].exchange(0); bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<size_t>(std::countr_zero(bits));
      Slot& slot = slots_[64 * i + bit];
      if (slot.state != SlotState::kLive || slot.blocked) continue;
      const uint64_t one = 1;
      if (write(slot.fd, &one, sizeof(one)) == sizeof(one)) {
        writes_.fetch_add(1, std::memory_order_relaxed);
      } else if (errno == EINTR) {
        slot.blocked = true;
        blocked_ports_[(64 * i + bit) / kSlotsPerPort] = true;
      }
      // EAGAIN: the tenant made it non-blocking and never reads it; it is signalled already.
    }
  }
}

void Notifier::CloseRetired() {
  if (!any_retired_.exchange(false)) return;
  for (size_t port = 0; port < kMaxPorts; ++port) {
    if (!retired_ports_[port].exchange(false)) continue;
    for (size_t i = kSlotsPerPort * port; i < kSlotsPerPort * (port + 1); ++i) {
      Slot& slot = slots_[i];
      if (slot.state != SlotState::kRetired) continue;
      // No worker knows the handle any more, so the bit cannot come back before the slot is reused.
      pending_[i / 64].fetch_and(~(uint64_t{1} << (i % 64)));
      close(std::exchange(slot.fd, -1));
      slot.state = SlotState::kFree;
    }
  }
}

}  // namespace weft
