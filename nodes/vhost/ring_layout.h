// SPDX-License-Identifier: Apache-2.0
// The split virtqueue as it lies in a container's memory (virtio 1.2 §2.7): descriptors, available
// ring, used ring; and the few accesses to it that both directions share. Workers only. All of it
// is little-endian, as is every machine that weft runs on.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <utility>

#include "nodes/vhost/queue.h"

namespace weft::vhost {

static_assert(std::endian::native == std::endian::little);

// virtio 1.2 §2.7.5.
struct Descriptor {
  static constexpr uint16_t kNext = 1;      // the chain goes on at `next`
  static constexpr uint16_t kWrite = 2;     // for the device to write, else to read
  static constexpr uint16_t kIndirect = 4;  // `address` is a table of descriptors

  uint64_t address;  // guest address
  uint32_t length;   // bytes
  uint16_t flags;
  uint16_t next;
};
static_assert(sizeof(Descriptor) == 16);

// virtio 1.2 §2.7.8.
struct UsedElement {
  uint32_t head;
  uint32_t length;  // bytes that the device wrote
};
static_assert(sizeof(UsedElement) == 8);

inline constexpr uint16_t kAvailNoInterrupt = 1;  // in available->flags, §2.7.7
inline constexpr uint32_t kUsedNoNotify = 1;      // in used->flags, §2.7.10
inline constexpr size_t kAvailIndex = 2;          // flags, idx, ring[]
inline constexpr size_t kAvailRing = 4;
inline constexpr size_t kUsedRing = 4;

// used_event, behind the elements of the available ring (§2.7.7), and its opposite, avail_event
// behind the used ring (§2.7.10). While weft polls it wants no kick and leaves avail_event where it
// is; a fresh ring has 0 there, so the first kick comes, which starts the ring.
inline constexpr size_t UsedEvent(uint16_t size) { return kAvailRing + sizeof(uint16_t) * size; }
inline constexpr size_t AvailEvent(uint16_t size) { return kUsedRing + sizeof(UsedElement) * size; }

// A snapshot of a descriptor of the table: each half is loaded once, and only the copy is looked
// at.
inline Descriptor LoadDescriptor(const RingView& view, uint16_t index) {
  const ForeignPtr at = view.descriptors + sizeof(Descriptor) * index;
  return std::bit_cast<Descriptor>(std::array{at.Load<uint64_t>(), (at + 8).Load<uint64_t>()});
}

inline void PrefetchDescriptor(const RingView& view, uint16_t index) {
  (view.descriptors + sizeof(Descriptor) * index).Prefetch();
}

// The available element at a free-running position: the head of a chain, not yet validated.
inline uint16_t LoadHead(const RingView& view, uint16_t position) {
  const size_t slot = position & (view.size - 1u);
  return (view.available + (kAvailRing + sizeof(uint16_t) * slot)).Load<uint16_t>();
}

// How many chains from the cursor on the container has made available, at most `wanted`. Loads
// available->idx, once, only if what was seen before is not enough. Fails the queue if the index is
// further ahead (or behind) than a ring of this size can be.
inline size_t Available(Queue& queue, const RingView& view, size_t wanted) {
  Queue::Cursor& cursor = queue.cursor;
  size_t ahead = static_cast<uint16_t>(cursor.avail_seen - cursor.next_avail);
  if (ahead < wanted) {
    const auto index = (view.available + kAvailIndex).Load<uint16_t>(std::memory_order_acquire);
    const size_t not_returned = static_cast<uint16_t>(cursor.next_avail - cursor.next_used);
    ahead = static_cast<uint16_t>(index - cursor.next_avail);
    if (ahead + not_returned > view.size) [[unlikely]] {
      queue.Fail(RingError::kAvailTooFarAhead);
      return 0;
    }
    cursor.avail_seen = index;
  }
  return ahead < wanted ? ahead : wanted;
}

// Writes the used element at `slot` of the elements at `elements`, by one store.
inline void PutUsedAt(ForeignPtr elements, size_t slot, uint32_t head, uint32_t length) {
  const uint64_t element = head | uint64_t{length} << 32;
  (elements + sizeof(UsedElement) * slot).CopyIn(&element, sizeof(element));
}

// Returns a chain: the container sees it at the next PublishSplit that covers `position`.
inline void PutUsed(const RingView& view, uint16_t position, uint16_t head, uint32_t length) {
  PutUsedAt(view.used + kUsedRing, position & (view.size - 1U), head, length);
}

// With EVENT_IDX: true if an element that was published since this was last asked has the position
// at which the container wants to be interrupted (§2.7.7.2). What was published before this ring
// had this call descriptor may have interrupted nobody: then true in any case, once.
inline bool PassedUsedEvent(Queue::Cursor& cursor, const RingView& view) {
  const auto event =
      (view.available + UsedEvent(view.size)).Load<uint16_t>(std::memory_order_seq_cst);
  const uint16_t before = std::exchange(cursor.asked_until, cursor.next_used);
  const uint16_t call = std::exchange(cursor.asked_call, view.call.slot);
  if (call != view.call.slot) [[unlikely]]
    return true;
  return static_cast<uint16_t>(event - before) < static_cast<uint16_t>(cursor.next_used - before);
}

// Publishes all chains returned so far. One store of used->flags and used->idx together: while weft
// polls it needs no kick; with EVENT_IDX the flags are 0 (§2.7.10.1) and avail_event says the same.
// True if the container wants to be interrupted; the order "index, then look at the flag or the
// event" is what §2.7.13.3.1 asks a full barrier for.
[[nodiscard]] inline bool PublishSplit(Queue& queue, const RingView& view) {
  Queue::Cursor& cursor = queue.cursor;
  const uint32_t flags = view.event_index ? 0 : kUsedNoNotify;
  const uint32_t flags_and_index = flags | uint32_t{cursor.next_used} << 16;
  if (!view.call.valid()) {
    view.used.Store(flags_and_index, std::memory_order_release);
    cursor.asked_call = CallHandle().slot;
    return false;
  }
  view.used.Store(flags_and_index, std::memory_order_seq_cst);
  if (view.event_index) return PassedUsedEvent(cursor, view);
  return (view.available.Load<uint16_t>(std::memory_order_seq_cst) & kAvailNoInterrupt) == 0;
}

inline void AskForKickSplit(const Queue& queue, const RingView& view) {
  // With EVENT_IDX: when the element comes that is the next to be taken (§2.7.10).
  if (view.event_index) (view.used + AvailEvent(view.size)).Store(queue.cursor.next_avail);
  view.used.Store(uint32_t{queue.cursor.next_used} << 16, std::memory_order_seq_cst);
}

inline bool IsIdleSplit(const Queue& queue, const RingView& view) {
  return (view.available + kAvailIndex).Load<uint16_t>(std::memory_order_acquire) ==
         queue.cursor.next_avail;
}

}  // namespace weft::vhost
