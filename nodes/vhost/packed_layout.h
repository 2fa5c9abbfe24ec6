// SPDX-License-Identifier: Apache-2.0
// The packed virtqueue as it lies in a container's memory (virtio 1.2 §2.8): one ring of
// descriptors that the driver makes available and the device overwrites with what it used, and an
// event area of four bytes for each side. Workers only. All of it is little-endian.
//
// There are no indexes: two bits of each descriptor say whose it is, and they change their meaning
// each time round. Positions here are free-running as those of a split ring are, in descriptors; as
// a ring's size is a power of two, the bit above the slot's is the wrap counter, inverted.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "nodes/vhost/queue.h"
#include "nodes/vhost/ring_layout.h"

namespace weft::vhost {

// virtio 1.2 §2.8.13.
struct PackedDescriptor {
  static constexpr uint16_t kAvailable = 1 << 7;
  static constexpr uint16_t kUsed = 1 << 15;

  uint64_t address;  // guest address
  uint32_t length;   // bytes
  uint16_t id;       // of the buffer; it counts in the last descriptor of a chain
  uint16_t flags;    // the two above, and Descriptor's
};
static_assert(sizeof(PackedDescriptor) == 16);

// What an event area says in its upper half (§2.8.14); the lower half is a position, for
// kEventAtDescriptor: 15 bits of slot and the wrap counter.
inline constexpr uint32_t kEventArea = 4;  // bytes
inline constexpr uint16_t kEventEnable = 0;
inline constexpr uint16_t kEventDisable = 1;
inline constexpr uint16_t kEventAtDescriptor = 2;  // with VIRTIO_F_EVENT_IDX

// The two bits of a descriptor that the driver made available at `position`, and of one that the
// device used there (§2.8.1).
constexpr uint16_t AvailableBits(uint16_t position, uint16_t size) {
  return (position & size) == 0 ? PackedDescriptor::kAvailable : PackedDescriptor::kUsed;
}
constexpr uint16_t UsedBits(uint16_t position, uint16_t size) {
  return (position & size) == 0 ? PackedDescriptor::kAvailable | PackedDescriptor::kUsed : 0;
}

// A slot and its wrap counter as vhost-user's ring bases and event areas hold them, and back. The
// position of a slot that the ring does not have is nonsense, but harmless.
constexpr uint16_t PackedBase(uint16_t position, uint16_t size) {
  return static_cast<uint16_t>((position & (size - 1U)) | ((position & size) == 0 ? 0x8000U : 0U));
}
constexpr uint16_t PackedPosition(uint16_t base, uint16_t size) {
  return static_cast<uint16_t>((base & 0x7fffU) + ((base & 0x8000U) != 0 ? 0U : size));
}

inline ForeignPtr PackedAt(const RingView& view, uint16_t position) {
  return view.descriptors + sizeof(PackedDescriptor) * (position & (view.size - 1U));
}

// Takes a snapshot of the descriptor at `position`: each half is loaded once, the one with the
// flags first. False if the container has not made it available. `next` of the snapshot is the
// buffer's id.
inline bool LoadPacked(const RingView& view, uint16_t position, Descriptor& to) {
  constexpr uint16_t kBits = PackedDescriptor::kAvailable | PackedDescriptor::kUsed;
  constexpr uint16_t kMeaning = Descriptor::kNext | Descriptor::kWrite | Descriptor::kIndirect;
  const ForeignPtr at = PackedAt(view, position);
  const auto half = (at + 8).Load<uint64_t>(std::memory_order_acquire);
  const auto flags = static_cast<uint16_t>(half >> 48);
  if ((flags & kBits) != AvailableBits(position, view.size)) return false;
  to.address = at.Load<uint64_t>();
  to.length = static_cast<uint32_t>(half);
  to.flags = flags & kMeaning;
  to.next = static_cast<uint16_t>(half >> 32);
  return true;
}

// Returns the buffer `id`, whose first descriptor is at `position`: by one store, of which the
// container sees nothing before PublishPacked. The first one of those that are not published keeps
// the bits that it has until then; the others lie behind it.
[[gnu::always_inline]] inline void PutPacked(Queue::Cursor& cursor, const RingView& view,
                                             uint16_t position, uint16_t id, uint32_t length) {
  // §2.8.4: WRITE says that the length means something.
  uint16_t flags = UsedBits(position, view.size) | (length != 0 ? Descriptor::kWrite : uint16_t{0});
  if (position == cursor.shown) [[unlikely]] {
    cursor.shown_flags = flags;
    flags = AvailableBits(position, view.size);
  }
  const uint64_t half = length | uint64_t{id} << 32 | uint64_t{flags} << 48;
  (PackedAt(view, position) + 8).Store(half);
}

// True if the container wants to be interrupted for what was published since this was last asked
// (§2.8.10). What was published before this ring had this call descriptor may have interrupted
// nobody: then true once, unless it wants no interrupt at all.
inline bool PassedDriverEvent(Queue::Cursor& cursor, const RingView& view) {
  const auto event = view.available.Load<uint32_t>(std::memory_order_seq_cst);
  const uint16_t before = std::exchange(cursor.asked_until, cursor.next_used);
  const uint16_t call = std::exchange(cursor.asked_call, view.call.slot);
  const uint16_t flags = (event >> 16) & 3;
  if (flags == kEventDisable) return false;
  if (call != view.call.slot || !view.event_index || flags != kEventAtDescriptor) return true;
  const uint16_t at = PackedPosition(static_cast<uint16_t>(event), view.size);
  const auto around = static_cast<uint16_t>(2U * view.size - 1U);
  return ((at - before) & around) < ((cursor.next_used - before) & around);
}

// Publishes all buffers returned so far; see PublishSplit. The store of the first one's flags makes
// all of them visible.
[[nodiscard]] inline bool PublishPacked(Queue& queue, const RingView& view) {
  Queue::Cursor& cursor = queue.cursor;
  // While weft polls it needs no kick.
  if (cursor.kicks_wanted) [[unlikely]] {
    view.used.Store(uint32_t{kEventDisable} << 16);
    cursor.kicks_wanted = false;
  }
  const bool call = view.call.valid();
  if (cursor.shown != cursor.next_used) {
    const ForeignPtr flags = PackedAt(view, cursor.shown) + offsetof(PackedDescriptor, flags);
    flags.Store(cursor.shown_flags, call ? std::memory_order_seq_cst : std::memory_order_release);
    cursor.shown = cursor.next_used;
  }
  if (call) return PassedDriverEvent(cursor, view);
  cursor.asked_call = CallHandle().slot;
  return false;
}

inline void AskForKickPacked(Queue& queue, const RingView& view) {
  view.used.Store(uint32_t{kEventEnable} << 16, std::memory_order_seq_cst);
  queue.cursor.kicks_wanted = true;
}

inline bool IsIdlePacked(const Queue& queue, const RingView& view) {
  Descriptor ignored;
  return !LoadPacked(view, queue.cursor.next_avail, ignored);
}

}  // namespace weft::vhost
