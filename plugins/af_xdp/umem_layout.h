// SPDX-License-Identifier: Apache-2.0
// How a queue's memory is divided (UMEM, kernel's Documentation/networking/af_xdp.rst): chunks of
// one size, each with room before its frame. The first kReceiveFrames of them travel through the
// fill and receive rings, the others through the transmit and completion rings, so that who
// receives and who sends never touch the same chunk. Constant.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/sdk/weft.h"

namespace weft::af_xdp {

inline constexpr uint32_t kDescriptors = 2048;  // of each ring; a power of two
inline constexpr uint32_t kReceiveFrames = kDescriptors;
inline constexpr uint32_t kTransmitFrames = kDescriptors;
// Of ours, before each frame that comes in: output nodes write there.
inline constexpr uint32_t kHeadroom = Packet::kHeadroom;
// The kernel's, for programs that push headers (XDP_PACKET_HEADROOM, linux/bpf.h).
inline constexpr uint32_t kKernelHeadroom = 256;
inline constexpr uint32_t kSmallChunk = 2048;
inline constexpr uint32_t kLargeChunk = 4096;  // a page; larger ones take huge pages and Linux 6.6
inline constexpr uint32_t kTag = 4;            // a VLAN tag is on top of the MTU

// Bytes of the longest frame that fits into such a chunk.
constexpr uint32_t LongestFrame(uint32_t chunk) { return chunk - kHeadroom - kKernelHeadroom; }
constexpr uint32_t FrameOfMtu(uint32_t mtu) {
  return mtu + static_cast<uint32_t>(kMinFrame) + kTag;
}
inline constexpr uint32_t kMaxMtu =
    LongestFrame(kLargeChunk) - static_cast<uint32_t>(kMinFrame) - kTag;

// The chunk for frames of that mtu, which is at most kMaxMtu.
constexpr uint32_t ChunkFor(uint32_t mtu) {
  return FrameOfMtu(mtu) <= LongestFrame(kSmallChunk) ? kSmallChunk : kLargeChunk;
}
static_assert(Packet::kHeadroom >= Packet::kVirtioNetHeader);

}  // namespace weft::af_xdp
