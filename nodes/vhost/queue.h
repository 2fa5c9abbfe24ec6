// SPDX-License-Identifier: Apache-2.0
// What control and workers share for one ring. A VhostPort owns its Queues and outlives what
// workers know of them.
//
// The split: control decides whether the ring runs and publishes the RingView that says where it
// is; while a view is published the cursor belongs to the worker, and while none is (and every
// worker has been quiescent since) to control. Workers do all loads from rings; control reads
// used->idx once, when it starts the ring.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/ids.h"
#include "core/base/labels.h"
#include "core/base/rcu.h"
#include "core/base/unique_fd.h"
#include "core/packet/ethernet.h"
#include "core/packet/foreign.h"
#include "core/packet/offload.h"
#include "core/tenant/kick_set.h"
#include "core/tenant/notifier.h"
#include "nodes/vhost/guest_memory.h"

namespace weft::vhost {

inline constexpr uint32_t kMaxRingSize = 4096;
inline constexpr size_t kMaxBurst = 256;  // chains that a worker takes of a ring in one dispatch

// Which way frames go. Rings are numbered receiveq1, transmitq1, receiveq2... (virtio 1.2 §5.1.2).
// vhost-user counts no control queue among them: that one is the front-end's.
enum class Direction : uint8_t { kToGuest = 0, kToSwitch = 1 };
constexpr Direction DirectionOf(size_t ring) { return static_cast<Direction>(ring % 2); }
constexpr size_t RingOf(size_t pair, Direction direction) {
  return 2 * pair + static_cast<size_t>(direction);
}

// Why a ring, and with it the port, stopped. A reconnect clears it.
enum class RingError : uint8_t {
  kNone,
  kAvailTooFarAhead,
  kHeadOutOfRange,
  kMemoryFaulted,
  kCallBlocked,
};
inline constexpr auto kRingErrors = Labels<RingError>({
    {RingError::kNone, "none", "the ring is fine"},
    {RingError::kAvailTooFarAhead, "avail-too-far-ahead",
     "more is available than the ring has descriptors"},
    {RingError::kHeadOutOfRange, "head-out-of-range",
     "the available ring names a descriptor that is not in the table"},
    {RingError::kMemoryFaulted, "memory-faulted",
     "a page of the container's memory file was gone when the ring used it"},
    {RingError::kCallBlocked, "call-blocked",
     "writing the container's call eventfd would have blocked"},
});

// One ring while it runs: an immutable snapshot, every part of it validated. Split (virtio 1.2
// §2.7): `size` descriptors of 16 bytes; available and used rings with 2 + 2 bytes before their
// elements and the event field behind them inside the checked range. Packed (§2.8): `size`
// descriptors, and the event areas of driver and device, 4 bytes each.
struct RingView {
  uint16_t size = 0;         // a power of two, at most kMaxRingSize
  bool packed = false;       // VIRTIO_F_RING_PACKED
  bool mergeable = false;    // VIRTIO_NET_F_MRG_RXBUF
  bool indirect = false;     // VIRTIO_F_INDIRECT_DESC
  bool event_index = false;  // VIRTIO_F_EVENT_IDX
  bool in_order = false;     // VIRTIO_F_IN_ORDER
  OffloadSet left = 0;       // what the driver may leave to be done (VIRTIO_NET_F_CSUM, _HOST_*)
  OffloadSet taken = 0;      // what it takes in return (VIRTIO_NET_F_GUEST_*)
  uint32_t longest_frame = kMaxFrame;  // that a chain towards the switch may hold
  uint32_t mtu = 0xffff;   // that the driver was told (VIRTIO_NET_F_MTU); the port's may be less
  CallHandle call;         // whom to notify; invalid if the container asked for nobody
  ForeignPtr descriptors;  // aligned to 16
  ForeignPtr available;    // what the driver writes; aligned to 2, packed to 4
  ForeignPtr used;         // what the device writes; aligned to 4
  std::shared_ptr<const GuestMemory> memory;
  // What keeps `call` valid, and the kick eventfd (null if the container sent none). A worker may
  // wait on the kick, edge-triggered; it is never read.
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

  // Free-running positions, modulo 2^16, that survive SET_MEM_TABLE: of elements of the available
  // and the used ring, or of descriptors of a packed one.
  struct Cursor {
    uint16_t next_avail = 0;  // the available element to take next
    uint16_t next_used = 0;   // the used element to write next; what used->idx will be
    uint16_t avail_seen = 0;  // split: the last avail->idx that was loaded
    // With EVENT_IDX: up to where used_event was looked for, and for which call descriptor.
    uint16_t asked_until = 0;
    uint16_t asked_call = CallHandle().slot;
    // Packed: the first used descriptor that the container cannot see yet, if that is not
    // next_used, and the flags that will show it.
    uint16_t shown = 0;
    uint16_t shown_flags = 0;
    bool kicks_wanted = true;  // packed: what the device's event area says
  };
  alignas(64) Cursor cursor;
  // A packed ring to the switch: the buffers that are taken and not returned. The worker's, as the
  // cursor is.
  struct Taken {
    uint16_t id;
    uint16_t descriptors;
  };
  std::array<Taken, kMaxBurst> taken;
  size_t taken_count = 0;
  // A to-guest ring may be written by several workers: held for one burst. Nobody else takes it.
  std::atomic_flag writer;

  // Control, before it publishes the first view after a stop.
  void Reset(uint16_t index) {
    cursor = Cursor{.next_avail = index,
                    .next_used = index,
                    .avail_seen = index,
                    .asked_until = index,
                    .shown = index};
    taken_count = 0;
    error_.store(RingError::kNone, std::memory_order_relaxed);
  }

 private:
  const PortId port_;
  const Direction direction_;
  std::atomic<RingError> error_{RingError::kNone};
};

}  // namespace weft::vhost
