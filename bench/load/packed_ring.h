// SPDX-License-Identifier: Apache-2.0
// One packed ring (virtio 1.2 §2.8) as the driver sees it: one descriptor a frame. The switch may
// return buffers in any order; the next descriptor then offers what was returned there last.
//
// All but a descriptor's address is one word, so it changes hands by one load or store. Of a burst
// the first descriptor is stored last: a switch that waits finds the whole burst.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <vector>

#include "bench/load/container.h"

namespace weft::load {

struct PackedRing {
  struct Descriptor {
    uint64_t address;
    uint64_t rest;
  };
  struct Rest {
    uint32_t length;
    uint16_t id;
    uint16_t flags;
  };
  struct Event {
    uint16_t place;
    uint16_t flags;
  };
  static constexpr uint32_t kHeader = kNetHeader;  // bytes before a frame
  static constexpr uint16_t kWrite = 2;            // Rest::flags
  static constexpr uint16_t kAvailable = 1 << 7;
  static constexpr uint16_t kUsed = 1 << 15;
  static constexpr uint16_t kDisable = 1;  // Event::flags

  // Where somebody is in the ring, and how the flags look there on this lap (§2.8.1).
  struct Cursor {
    uint16_t at = 0;
    bool wrap = true;

    uint16_t offered() const { return wrap ? kAvailable : kUsed; }
    uint16_t used() const { return wrap ? kAvailable | kUsed : 0; }
    void Advance(uint16_t size) {
      if (++at == size) {
        at = 0;
        wrap = !wrap;
      }
    }
  };

  static size_t Bytes(uint16_t size) { return size_t{size} * 16 + 3 * 4096; }
  PackedRing(Memory& memory, uint16_t size, Buffers buffers);

  uint16_t size;
  Descriptor* descriptors;
  Event* driver_event;
  Event* device_event;
  Buffers buffers;
  bool in_order = false;  // VIRTIO_F_IN_ORDER was negotiated

  Cursor next;                // where the next descriptor is offered
  Cursor returned;            // where the next used descriptor is looked for
  uint16_t away = 0;          // buffers that the switch has
  uint16_t batch = 0;         // with in_order: buffers at `returned` that are known to be used
  uint32_t batch_length = 0;  // of the last of them
  std::vector<uint16_t> ids;  // by place: the buffer that is offered there next

  RingPlace place() const;

  static Rest Load(const Descriptor& descriptor) {
    return std::bit_cast<Rest>(
        std::atomic_ref<const uint64_t>(descriptor.rest).load(std::memory_order_acquire));
  }
  static void Store(Descriptor& descriptor, Rest rest) {
    std::atomic_ref<uint64_t>(descriptor.rest)
        .store(std::bit_cast<uint64_t>(rest), std::memory_order_release);
  }

  // All buffers, for the switch to write into.
  void OfferAll() {
    Offer(size, kWrite, [this](uint16_t) { return buffers.bytes; });
  }
  // Offers `count` buffers, at most size - away; length_of(id) is how much of each.
  template <typename LengthOf>
  void Offer(uint32_t count, uint16_t direction, LengthOf length_of) {
    Descriptor& first = descriptors[next.at];
    Rest first_rest{};
    for (uint32_t i = 0; i < count; ++i) {
      const uint16_t id = ids[next.at];
      Descriptor& descriptor = descriptors[next.at];
      descriptor.address = reinterpret_cast<uint64_t>(buffers.at(id));
      const Rest rest{.length = length_of(id),
                      .id = id,
                      .flags = static_cast<uint16_t>(next.offered() | direction)};
      if (i == 0) {
        first_rest = rest;
      } else {
        Store(descriptor, rest);
      }
      next.Advance(size);
    }
    if (count != 0) Store(first, first_rest);
    away = static_cast<uint16_t>(away + count);
  }

  // Takes back at most `most` buffers and calls each(id, length); returns how many there were.
  template <typename Each>
  uint32_t TakeBack(uint32_t most, Each each) {
    uint32_t count = 0;
    for (; count < most && (batch != 0 || FindUsed()); ++count) {
      --batch;
      // Of a batch only the last has a length; the others were used completely (§2.8.8).
      each(ids[returned.at], batch == 0 ? batch_length : buffers.bytes);
      returned.Advance(size);
    }
    away = static_cast<uint16_t>(away - count);
    return count;
  }

  // Tells off a switch that returns what it was not given.
  [[noreturn]] static void NeverGiven(uint16_t id);

  // Whether the switch wants to hear of what was offered (§2.8.10).
  bool WantsKick() const {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return std::atomic_ref<const uint16_t>(device_event->flags).load() != kDisable;
  }

 private:
  // Whether there is a used descriptor at `returned`; if so, `batch` is how many buffers it speaks
  // of.
  bool FindUsed() {
    const Rest rest = Load(descriptors[returned.at]);
    if ((rest.flags & (kAvailable | kUsed)) != returned.used()) return false;
    batch = 1;
    batch_length = rest.length;
    if (in_order) {
      // A buffer's number is its place then.
      batch = static_cast<uint16_t>(((rest.id - returned.at) & (size - 1)) + 1);
    } else {
      ids[returned.at] = rest.id;
    }
    if (rest.id >= size || batch > away) NeverGiven(rest.id);
    return true;
  }
};

}  // namespace weft::load
