// SPDX-License-Identifier: Apache-2.0
// The container's side of a packed ring (virtio 1.2 §2.8), for tests, fuzzing and benchmarks; see
// guest_driver.h. Its ids are in no order, unless the ring is in order.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "nodes/vhost/packed_layout.h"
#include "tests/nodes/vhost/guest_driver.h"

namespace weft::vhost::testing {

class PackedGuestRing : public GuestQueue {
 public:
  PackedGuestRing(Guest& guest, uint16_t size, Direction direction, PortId port = PortId(0),
                  uint16_t first_position = 0, bool in_order = false)
      : GuestQueue(guest, size, direction, port, first_position),
        next_available_(first_position),
        next_used_(first_position),
        buffers_(size) {
    const uint64_t ring = guest.Allocate(sizeof(PackedDescriptor) * size);
    ring_ = ring;
    descriptors_ = &guest.As<PackedDescriptor>(ring);
    driver_event_ = guest.Allocate(kEventArea, 4);
    device_event_ = guest.Allocate(kEventArea, 4);
    // What stands in the ring was used the last time round.
    for (uint16_t i = 0; i < size; ++i) {
      const auto before = static_cast<uint16_t>(first_position + i - size);
      At(before) = {0, 0, 0, UsedBits(before, size)};
    }
    view_.packed = true;
    view_.in_order = in_order;
    view_.descriptors = guest.Foreign(ring);
    view_.available = guest.Foreign(driver_event_);
    view_.used = guest.Foreign(device_event_);
    for (uint16_t i = 0; i < size; ++i) {
      free_.push_back(in_order ? i : static_cast<uint16_t>((i * 5u + 3u) % size));
    }
  }

  RingAddressPayload addresses(uint32_t index) const override {
    return AddressesOf(index, ring_, driver_event_, device_event_);
  }
  uint32_t base() const override {
    const uint32_t position = PackedBase(static_cast<uint16_t>(GuestQueue::base()), size_);
    return position | position << 16;
  }
  uint16_t LayOut(Pieces pieces, Layout layout) override {
    std::vector<PackedDescriptor> descriptors;
    for (const auto& [address, length] : pieces) {
      descriptors.push_back({address, length, 0, write_flag()});
    }
    if (layout == Layout::kIndirect) {
      const size_t bytes = sizeof(PackedDescriptor) * descriptors.size();
      const uint64_t table = guest_.Allocate(bytes, 16);
      std::memcpy(guest_.At(table), descriptors.data(), bytes);
      descriptors = {{table, static_cast<uint32_t>(bytes), 0, Descriptor::kIndirect}};
    }
    for (size_t i = 0; i + 1 < descriptors.size(); ++i) descriptors[i].flags |= Descriptor::kNext;
    return TakeId({.pieces = {pieces.begin(), pieces.end()}, .descriptors = descriptors});
  }
  // The first descriptor becomes available last.
  void Offer(uint16_t id) override {
    const std::vector<PackedDescriptor>& descriptors = buffers_[id].descriptors;
    if (descriptors.empty() || descriptors.size() > size_) std::abort();
    std::erase(free_, id);
    outstanding_.push_back(id);
    for (size_t i = descriptors.size(); i-- > 0;) {
      const auto position = static_cast<uint16_t>(next_available_ + i);
      PackedDescriptor descriptor = descriptors[i];
      descriptor.id = id;
      const auto flags = static_cast<uint16_t>(descriptor.flags | AvailableBits(position, size_));
      descriptor.flags = At(position).flags;
      At(position) = descriptor;
      Flags(position).store(flags, std::memory_order_release);
    }
    next_available_ = static_cast<uint16_t>(next_available_ + descriptors.size());
  }
  // Makes descriptors available, legal or not, as one buffer whose id stands in all of them; of
  // their flags only the two that say whose they are are set here.
  uint16_t OfferDescriptors(std::vector<PackedDescriptor> descriptors) {
    const uint16_t id = TakeId({.pieces = {}, .descriptors = std::move(descriptors)});
    Offer(id);
    return id;
  }

  std::vector<UsedElement> TakeUsed() override {
    std::vector<UsedElement> elements;
    for (;;) {
      const uint16_t flags = Flags(next_used_).load(std::memory_order_acquire);
      constexpr uint16_t kBits = PackedDescriptor::kAvailable | PackedDescriptor::kUsed;
      if ((flags & kBits) != UsedBits(next_used_, size_)) return elements;
      const PackedDescriptor used = At(next_used_);
      if (((flags & Descriptor::kWrite) != 0) != (used.length != 0)) std::abort();
      if (std::find(outstanding_.begin(), outstanding_.end(), used.id) == outstanding_.end()) {
        std::abort();
      }
      // In order, one may stand for all that were offered before it.
      while (view_.in_order && outstanding_.front() != used.id) {
        elements.push_back({outstanding_.front(), 0});
        Free(outstanding_.front());
      }
      elements.push_back({used.id, used.length});
      Free(used.id);
    }
  }
  Bytes ChainBytes(uint16_t id) override {
    Bytes all;
    for (const auto& [address, length] : buffers_[id].pieces) {
      const uint8_t* const data = guest_.At(address);
      all.insert(all.end(), data, data + length);
    }
    return all;
  }

  // The driver's event area: when to interrupt, and at which position (§2.8.14).
  void SetEvent(uint16_t flags, uint16_t position = 0) {
    const uint32_t event = PackedBase(position, size_) | uint32_t{flags} << 16;
    std::atomic_ref<uint32_t>(guest_.As<uint32_t>(driver_event_)).store(event);
  }
  // The device's: whether it wants a kick.
  uint16_t device_event_flags() { return guest_.As<uint16_t>(device_event_ + 2); }
  uint16_t next_available() const { return next_available_; }
  uint16_t next_used() const { return next_used_; }
  PackedDescriptor& At(uint16_t position) { return descriptors_[Slot(position)]; }
  std::atomic_ref<uint16_t> Flags(uint16_t position) {
    return std::atomic_ref<uint16_t>(At(position).flags);
  }

 private:
  struct Buffer {
    std::vector<std::pair<uint64_t, uint32_t>> pieces;
    std::vector<PackedDescriptor> descriptors;
  };

  uint16_t TakeId(Buffer buffer) {
    if (free_.empty()) std::abort();
    const uint16_t id = free_.front();
    free_.pop_front();
    buffers_[id] = std::move(buffer);
    return id;
  }
  // The buffer has come back. What it looked like is kept until its id is used again.
  void Free(uint16_t id) {
    next_used_ = static_cast<uint16_t>(next_used_ + buffers_[id].descriptors.size());
    free_.push_back(id);
    outstanding_.erase(std::find(outstanding_.begin(), outstanding_.end(), id));
  }

  uint16_t next_available_;
  uint16_t next_used_;
  uint64_t ring_, driver_event_, device_event_;
  PackedDescriptor* descriptors_;
  std::vector<Buffer> buffers_;
  std::deque<uint16_t> free_;
  std::deque<uint16_t> outstanding_;
};

class InOrderGuestRing : public PackedGuestRing {
 public:
  InOrderGuestRing(Guest& guest, uint16_t size, Direction direction, PortId port = PortId(0),
                   uint16_t first_position = 0)
      : PackedGuestRing(guest, size, direction, port, first_position, true) {}
};

}  // namespace weft::vhost::testing
