// SPDX-License-Identifier: Apache-2.0
// A packet as it comes from a sender, and the bytes of those that leave.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "core/packet/packet.h"
#include "tests/support/offload_frames.h"

namespace weft::testing {

// A packet as an input makes it: headers private, the rest in somebody's memory, in pieces.
class Sent {
 public:
  explicit Sent(Bytes frame, size_t pieces = 1) : frame_(std::move(frame)) {
    const size_t header = std::min<size_t>(frame_.size(), Packet::kMaxHeader);
    uint8_t* const to = packet().snapshot() + Packet::kVirtioNetHeader;
    std::memcpy(to, frame_.data(), header);
    packet().Reset(PortId(1), to, static_cast<uint32_t>(header));
    size_t at = header;
    for (size_t i = pieces; i > 0 && at < frame_.size(); --i) {
      const size_t length = i == 1 ? frame_.size() - at : (frame_.size() - at) / i;
      segments_.push_back({ForeignPtr(frame_.data() + at), static_cast<uint32_t>(length)});
      at += length;
    }
    if (segments_.empty()) return;
    packet().SetPayload(segments_[0]);
    if (segments_.size() > 1) packet().SetMorePayload(&segments_[1], segments_.size() - 1);
  }
  Packet& packet() { return slot_.packet; }
  Bytes& frame() { return frame_; }

 private:
  Bytes frame_;
  std::vector<Segment> segments_;
  PacketSlot slot_;
};

inline Bytes BytesOf(const Packet& packet) {
  Bytes bytes(packet.header(), packet.header() + packet.header_length());
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const size_t at = bytes.size();
    bytes.resize(at + packet.segment(i).length);
    packet.segment(i).data.CopyOut(bytes.data() + at, packet.segment(i).length);
  }
  return bytes;
}

inline std::vector<Bytes> AllOf(std::span<Packet* const> packets) {
  std::vector<Bytes> frames;
  for (const Packet* packet : packets) frames.push_back(BytesOf(*packet));
  return frames;
}

}  // namespace weft::testing
