// SPDX-License-Identifier: Apache-2.0
// What control and workers share for one ring. A MemifPort owns its Queues.
//
// The split: control decides whether the ring runs and publishes the RingView that says where it
// is; while a view is published the cursor belongs to the worker, and while none is (and every
// worker has been quiescent since) to control.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/sdk/tenant.h"
#include "core/sdk/weft.h"
#include "plugins/memif/regions.h"

namespace weft::memif {

inline constexpr size_t kMaxBurst = 256;  // frames that a worker takes of a ring in one dispatch
inline constexpr size_t kMaxChain = 64;   // descriptors that one frame may have

enum class Direction : uint8_t { kToPeer = 0, kToSwitch = 1 };

// Why a ring, and with it the port, stopped. A reconnect clears it.
enum class RingError : uint8_t { kNone, kIndexTooFarAhead, kMemoryFaulted, kInterruptBlocked };
inline constexpr auto kRingErrors = Labels<RingError>({
    {RingError::kNone, "none", "the ring is fine"},
    {RingError::kIndexTooFarAhead, "index-too-far-ahead",
     "the peer's index is further ahead than its ring has descriptors"},
    {RingError::kMemoryFaulted, "memory-faulted",
     "a page of the peer's memory file was gone when a ring used it"},
    {RingError::kInterruptBlocked, "interrupt-blocked",
     "writing the peer's interrupt eventfd would have blocked"},
});

// One ring while it runs: an immutable snapshot, every part of it validated.
//
// Positions are free-running, modulo 2^16. Whatever the roles are, weft may use the descriptors
// from its position up to the peer's index plus `ahead`, and tells the peer of its own position
// plus `behind`:
//
//   weft is     the ring goes    weft moves          the peer moves        ahead   behind
//   server      to the switch    tail, taken         head, filled          0       0
//   server      to the peer      tail, filled        head, offered         0       0
//   client      to the switch    head, offered       tail, filled          0       size
//   client      to the peer      head, filled        tail, taken           size    0
struct RingView {
  uint16_t size = 0;  // a power of two, at most 4096
  uint16_t ahead = 0;
  uint16_t behind = 0;
  ForeignPtr flags;  // aligned to 2, as both indexes
  ForeignPtr own_index;
  ForeignPtr peer_index;
  ForeignPtr descriptors;  // aligned to 16
  // As a client: descriptor i has the buffer `buffers` + i * buffer_size, for ever. The peer can
  // write that it has another, and nobody looks.
  ForeignPtr buffers;
  uint32_t buffer_size = 0;     // 0: buffers are where descriptors say
  uint32_t buffers_offset = 0;  // of buffer 0, in region 0
  std::shared_ptr<const Regions> regions;
  // To the peer: whom to interrupt. To the switch: what the peer writes when it has filled the
  // ring.
  CallHandle call;
  std::shared_ptr<const CallLease> call_lease;
  std::shared_ptr<const UniqueFd> kick;
};

class Queue {
 public:
  Queue(PortId port, Direction direction) : port_(port), direction_(direction) {}

  PortId port() const { return port_; }
  Direction direction() const { return direction_; }

  // Worker: the ring to work on, valid until the next quiescent state; null if it does not run.
  const RingView* Running() const {
    if (error() != RingError::kNone) [[unlikely]]
      return nullptr;
    return view.Load();
  }
  // Worker: the ring is bad. The first reason stays; Running() is null from now on and control puts
  // the port in error.
  void Fail(RingError reason) {
    RingError none = RingError::kNone;
    error_.compare_exchange_strong(none, reason, std::memory_order_relaxed);
  }
  RingError error() const { return error_.load(std::memory_order_relaxed); }

  // Control: stores.
  Published<RingView> view;
  // Of the worker that polls this ring, which may sleep on its kicks; null: it may not. Set before
  // the queue is shared.
  std::shared_ptr<const KickSet> kicks;

  struct Cursor {
    uint16_t position = 0;  // the descriptor to use next
    uint16_t shown = 0;     // the position that the peer knows
  };
  alignas(64) Cursor cursor;
  // A ring to the peer may be written by several workers: held for one burst. Nobody else takes it.
  std::atomic_flag writer;

  // Control, before it publishes a view after there was none.
  void Reset() {
    cursor = Cursor();
    error_.store(RingError::kNone, std::memory_order_relaxed);
  }

 private:
  const PortId port_;
  const Direction direction_;
  std::atomic<RingError> error_{RingError::kNone};
};

}  // namespace weft::memif
