// SPDX-License-Identifier: Apache-2.0
// What an output node does first: a frame may hold packets for many ports, and each port gets its
// own in one go, in their order. One object a node; worker thread only.
//
//   splitter_.ForEachPort(frame, [&](PortId port, Packet* const* packets, size_t count, PortId
//   next)
//                                { ... });
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/graph/frame.h"

namespace weft {

class PortSplitter {
 public:
  PortSplitter() { bucket_of_.fill(kNoBucket); }

  // Calls send(port, packets, count, next) for each out-port of the frame, in the order in which
  // they first stand in it; `next` is the port whose turn is then, for who wants to fetch something
  // of it, and invalid for the last. Out-ports beyond kMaxPorts count as one.
  template <typename Send>
  void ForEachPort(Frame& frame, Send&& send) {
    if (frame.empty()) return;
    const PortId first = frame[0].out_port();
    const bool one_port = std::all_of(frame.begin(), frame.end(), [first](const Packet* packet) {
      return packet->out_port() == first;
    });
    if (one_port) {
      send(first, frame.begin(), frame.size(), PortId());
      return;
    }
    const size_t count = Sort(frame);
    for (size_t b = 0; b < count; ++b) {
      const Bucket& bucket = buckets_[b];
      send(bucket.port, sorted_.data() + (bucket.end - bucket.size), size_t{bucket.size},
           b + 1 < count ? buckets_[b + 1].port : PortId());
    }
  }

 private:
  struct Bucket {
    PortId port;
    uint16_t size;
    uint16_t end;
  };
  static constexpr size_t kRows = kMaxPorts + 1;  // by port; the last is for what is no port
  static constexpr uint16_t kNoBucket = 0xffff;

  static size_t Row(PortId port) { return port.value() < kMaxPorts ? port.value() : kMaxPorts; }

  // Puts the packets into sorted_, stably, and says in buckets_ whose they are. Returns the number
  // of buckets.
  size_t Sort(Frame& frame) {
    std::array<uint16_t, Frame::kCapacity> choice;
    uint16_t count = 0;
    for (size_t i = 0; i < frame.size(); ++i) {
      const PortId port = frame[i].out_port();
      uint16_t& bucket = bucket_of_[Row(port)];
      if (bucket == kNoBucket) {
        bucket = count++;
        buckets_[bucket] = {.port = port, .size = 0, .end = 0};
      }
      ++buckets_[bucket].size;
      choice[i] = bucket;
    }
    uint16_t begin = 0;
    for (size_t b = 0; b < count; ++b) {
      buckets_[b].end = begin;
      begin = static_cast<uint16_t>(begin + buckets_[b].size);
      bucket_of_[Row(buckets_[b].port)] = kNoBucket;
    }
    for (size_t i = 0; i < frame.size(); ++i) sorted_[buckets_[choice[i]].end++] = &frame[i];
    return count;
  }

  std::array<uint16_t, kRows> bucket_of_;  // of the frame at hand, by port
  std::array<Bucket, Frame::kCapacity> buckets_;
  std::array<Packet*, Frame::kCapacity> sorted_;
};

}  // namespace weft
