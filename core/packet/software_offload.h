// SPDX-License-Identifier: Apache-2.0
// Does in software what a sender left to be done, for a receiver that does not take it: the
// checksum is filled in, and TCP is cut into segments. One object an output node; worker thread
// only.
//
// Payload is somebody's memory, who may rewrite it at any time. It is copied once, into memory of
// this object, and the sum is that of the copy; the copy is what is sent. So a checksum is right
// whatever the sender does meanwhile, and nobody else's packet can suffer from it.
//
//   software_.ForEachRun(packets, count, taken, [&](Packet* const* run, size_t size) {
//     ... write run[0, size), each of which the receiver takes as it is ...
//   });
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/packet/offload.h"
#include "core/packet/packet.h"

namespace weft {

class SoftwareOffload {
 public:
  SoftwareOffload();
  ~SoftwareOffload();
  SoftwareOffload(const SoftwareOffload&) = delete;
  SoftwareOffload& operator=(const SoftwareOffload&) = delete;

  // The packets that `packet`, whose offload().any(), becomes: at most kMaxSegments, in order, with
  // nothing left to do. They go to the same port, and the first of them is traced if `packet` is.
  // They and their payload are valid until the next call.
  std::span<Packet* const> Apply(const Packet& packet);

  // Calls send(Packet* const* run, size_t size) for packets[0, count) in order, in runs of those
  // that leave nothing but `taken` to do; of the others, for what they become. The packets of a run
  // are valid until the next one.
  template <typename Send>
  void ForEachRun(Packet* const* packets, size_t count, OffloadSet taken, Send&& send) {
    size_t first = 0;
    for (size_t i = 0; i < count; ++i) {
      if (packets[i]->offload().FitsIn(taken)) [[likely]]
        continue;
      if (first < i) send(packets + first, i - first);
      const std::span<Packet* const> made = Apply(*packets[i]);
      send(made.data(), made.size());
      first = i + 1;
    }
    if (first < count) send(packets + first, count - first);
  }

 private:
  const uint8_t* Gather(const Packet& packet, uint32_t from);

  const std::unique_ptr<uint8_t[]> payload_;  // of the packet at hand
  const std::unique_ptr<PacketSlot[]> slots_;
  std::array<Packet*, kMaxSegments> packets_;
};

}  // namespace weft
