// SPDX-License-Identifier: Apache-2.0
// A frame: up to 256 packets that a node gets at once (its vector). Frames belong to one worker's
// Graph and hold pointers only; the packets belong to the dispatch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/ids.h"
#include "core/packet/packet.h"

namespace weft {

// The feature arcs, in the order a packet meets them.
enum class Arc : uint8_t { kPortInput, kPortOutput };
inline constexpr size_t kArcs = 2;

class Frame {
 public:
  static constexpr size_t kCapacity = 256;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  size_t room() const { return kCapacity - size_; }
  Packet& operator[](size_t i) { return *packets_[i]; }
  const Packet& operator[](size_t i) const { return *packets_[i]; }
  Packet** begin() { return packets_.data(); }
  Packet** end() { return packets_.data() + size_; }

  void Push(Packet* packet) { packets_[size_++] = packet; }  // requires room() > 0
  // For writers that fill begin()[size()...] themselves.
  void set_size(size_t size) { size_ = static_cast<uint32_t>(size); }

  // True if some packet of the frame is being traced.
  bool traced() const { return (marks_ & kTraced) != 0; }
  void set_traced(bool traced) {
    marks_ = static_cast<uint8_t>(traced ? marks_ | kTraced : marks_ & ~kTraced);
  }
  // All packets of a frame are in the same chain of an arc.
  ChainId chain(Arc arc) const { return chains_[static_cast<size_t>(arc)]; }
  void set_chain(Arc arc, ChainId chain) { chains_[static_cast<size_t>(arc)] = chain; }
  const std::array<ChainId, kArcs>& chains() const { return chains_; }

 private:
  friend class Graph;
  friend class Guard;

  // What makes a frame an unusual one: a test of all marks together is all that others pay.
  static constexpr uint8_t kTraced = 1;
  static constexpr uint8_t kGuarded = 2;  // a plugin's node has it, and has not decided yet

  uint32_t size_ = 0;
  uint8_t marks_ = 0;
  std::array<ChainId, kArcs> chains_{};
  Frame* next_ = nullptr;  // in a node's queue, or in the free list
  std::array<Packet*, kCapacity> packets_;
};

}  // namespace weft
