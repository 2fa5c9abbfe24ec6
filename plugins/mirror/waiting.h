// SPDX-License-Identifier: Apache-2.0
// Copies of packets that wait until the dispatch of their originals has ended. They are whole: what
// a container does to its memory meanwhile is not seen. One for each worker, its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/sdk/weft.h"

namespace weft::mirror {

class Waiting {
 public:
  static constexpr size_t kPackets = 1024;
  static constexpr size_t kBytes = size_t{2} << 20;

  struct Entry {
    uint8_t* bytes = nullptr;
    uint32_t length = 0;
    Offload offload;
    PortId in_port;  // of the original
    PortId to;
  };

  // False if there is no room.
  bool Add(const Packet& packet, PortId to) {
    if (count_ == kPackets || kBytes - used_ < packet.length()) return false;
    uint8_t* const bytes = bytes_.get() + used_;
    CopyStart(packet, bytes, packet.length());
    entries_[count_++] = {bytes, packet.length(), packet.offload(), packet.in_port(), to};
    used_ += packet.length();
    return true;
  }
  bool empty() const { return next_ == count_; }
  size_t size() const { return count_ - next_; }
  // The oldest that was not taken; there is one.
  const Entry& next() const { return entries_[next_]; }
  // The same, which is taken, with its bytes until Release.
  const Entry& Take() { return entries_[next_++]; }
  // Nobody needs the bytes of those that were taken any more.
  void Release() {
    if (empty()) next_ = count_ = used_ = 0;
  }

 private:
  const std::unique_ptr<uint8_t[]> bytes_ = std::make_unique<uint8_t[]>(kBytes);
  std::array<Entry, kPackets> entries_;
  size_t count_ = 0;
  size_t next_ = 0;
  size_t used_ = 0;  // bytes
};

}  // namespace weft::mirror
