// SPDX-License-Identifier: Apache-2.0
// The vhost-user protocol as bytes: requests, payloads, feature bits (QEMU's
// docs/interop/vhost-user.rst; numbers are little-endian on every machine that weft runs on). Plain
// data without behaviour; front-ends in tests use it too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::vhost {

enum class Request : uint32_t {
  kGetFeatures = 1,
  kSetFeatures = 2,
  kSetOwner = 3,
  kResetOwner = 4,
  kSetMemTable = 5,
  kSetVringNum = 8,
  kSetVringAddr = 9,
  kSetVringBase = 10,
  kGetVringBase = 11,
  kSetVringKick = 12,
  kSetVringCall = 13,
  kSetVringErr = 14,
  kGetProtocolFeatures = 15,
  kSetProtocolFeatures = 16,
  kGetQueueNum = 17,
  kSetVringEnable = 18,
  kNetSetMtu = 20,
  kSetStatus = 39,
  kGetStatus = 40,
};

// Every message, either way, begins with this.
struct MessageHeader {
  Request request{};
  uint32_t flags = 0;
  uint32_t size = 0;  // of the payload, in bytes
};
static_assert(sizeof(MessageHeader) == 12);

inline constexpr uint32_t kVersion = 1;        // MessageHeader::flags, bits 0 and 1
inline constexpr uint32_t kReplyFlag = 4;      // set in every reply
inline constexpr uint32_t kNeedReplyFlag = 8;  // an ack is asked for (with kProtocolReplyAck)

struct NumberPayload {
  uint64_t value = 0;
};
// SET_VRING_KICK, _CALL, _ERR carry a NumberPayload: the ring's index and this bit if no descriptor
// comes with it.
inline constexpr uint64_t kRingIndexMask = 0xff;
inline constexpr uint64_t kNoDescriptor = 0x100;

struct RingPayload {
  uint32_t index = 0;
  uint32_t value = 0;  // size, base or enable
};
struct RingAddressPayload {
  uint32_t index = 0;
  uint32_t flags = 0;        // bit 0 asks for a dirty log, which is not offered
  uint64_t descriptors = 0;  // the three are addresses of the front-end's own
  uint64_t used = 0;
  uint64_t available = 0;
  uint64_t log = 0;
};
static_assert(sizeof(RingAddressPayload) == 40);

// One region of a memory table. All four numbers are bytes; weft takes multiples of 4096.
struct RegionRequest {
  uint64_t guest_address = 0;  // in the addresses that descriptors hold
  uint64_t size = 0;
  uint64_t user_address = 0;  // in the front-end's own addresses, which SET_VRING_ADDR uses
  uint64_t file_offset = 0;
};
inline constexpr size_t kMaxRegions = 8;
struct MemoryPayload {
  uint32_t count = 0;  // as many regions follow, and as many descriptors come along
  uint32_t padding = 0;
  RegionRequest regions[kMaxRegions];
};
static_assert(sizeof(MemoryPayload) == 8 + 8 * 32);

inline constexpr uint32_t kMaxPayload = sizeof(MemoryPayload);
inline constexpr size_t kMaxDescriptors = kMaxRegions;

// Virtio feature bits (virtio 1.2 §5.1.3 and §6) and the one that vhost-user adds.
//
// MTU and STATUS are promises about the device's configuration space, which is the front-end's as
// long as nobody negotiates to share it: it says "mtu" and "status" to the driver. What is left for
// a back-end is NET_SET_MTU, by which it hears the MTU that the driver was told.
inline constexpr uint64_t kFeatureChecksum = uint64_t{1} << 0;       // VIRTIO_NET_F_CSUM
inline constexpr uint64_t kFeatureGuestChecksum = uint64_t{1} << 1;  // the driver takes them
inline constexpr uint64_t kFeatureMtu = uint64_t{1} << 3;
inline constexpr uint64_t kFeatureGuestTso4 = uint64_t{1} << 7;  // the driver takes these
inline constexpr uint64_t kFeatureGuestTso6 = uint64_t{1} << 8;
inline constexpr uint64_t kFeatureGuestEcn = uint64_t{1} << 9;
inline constexpr uint64_t kFeatureHostTso4 = uint64_t{1} << 11;  // the driver may leave these
inline constexpr uint64_t kFeatureHostTso6 = uint64_t{1} << 12;
inline constexpr uint64_t kFeatureHostEcn = uint64_t{1} << 13;
inline constexpr uint64_t kFeatureMergeable = uint64_t{1} << 15;
inline constexpr uint64_t kFeatureStatus = uint64_t{1} << 16;
inline constexpr uint64_t kFeatureMultiQueue = uint64_t{1} << 22;
inline constexpr uint64_t kFeatureIndirect = uint64_t{1} << 28;
inline constexpr uint64_t kFeatureEventIndex = uint64_t{1} << 29;
inline constexpr uint64_t kFeatureProtocol = uint64_t{1} << 30;
inline constexpr uint64_t kFeatureVersion1 = uint64_t{1} << 32;
inline constexpr uint64_t kFeaturePacked = uint64_t{1} << 34;
inline constexpr uint64_t kFeatureInOrder = uint64_t{1} << 35;
inline constexpr uint64_t kOfferedFeatures =
    kFeatureMtu | kFeatureMergeable | kFeatureStatus | kFeatureMultiQueue | kFeatureIndirect |
    kFeatureEventIndex | kFeatureProtocol | kFeatureVersion1 | kFeaturePacked | kFeatureInOrder;

// What a port with `offload` offers beside those.
inline constexpr uint64_t kOffloadFeatures =
    kFeatureChecksum | kFeatureGuestChecksum | kFeatureGuestTso4 | kFeatureGuestTso6 |
    kFeatureGuestEcn | kFeatureHostTso4 | kFeatureHostTso6 | kFeatureHostEcn;

inline constexpr uint64_t kProtocolMultiQueue = uint64_t{1} << 0;
inline constexpr uint64_t kProtocolReplyAck = uint64_t{1} << 3;
inline constexpr uint64_t kProtocolNetMtu = uint64_t{1} << 4;
inline constexpr uint64_t kProtocolStatus = uint64_t{1} << 16;
inline constexpr uint64_t kOfferedProtocolFeatures =
    kProtocolMultiQueue | kProtocolReplyAck | kProtocolNetMtu | kProtocolStatus;

// Device status bits (virtio 1.2 §2.1).
inline constexpr uint64_t kStatusFeaturesOk = 8;

}  // namespace weft::vhost
