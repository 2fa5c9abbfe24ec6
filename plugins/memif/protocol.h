// SPDX-License-Identifier: Apache-2.0
// memif 2.0 as its peers speak it: the messages of the control channel and the layout of a ring
// (memif.h of VPP's memif plugin and of DPDK's net_memif, which agree byte by byte). Little-endian,
// as is every machine that weft runs on. Server and client are what older texts call master and
// slave: the client's is the memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/sdk/weft.h"

namespace weft::memif {

inline constexpr uint32_t kCookie = 0x3e31f20;
inline constexpr uint16_t kVersion = 2 << 8;  // 2.0

inline constexpr size_t kMaxRegions = 8;
inline constexpr uint8_t kMaxLog2RingSize = 12;
inline constexpr size_t kSecretLength = 24;

enum class MessageType : uint16_t {
  kNone,
  kAck,
  kHello,
  kInit,
  kAddRegion,
  kAddRing,
  kConnect,
  kConnected,
  kDisconnect,
};

using Name = std::array<char, 32>;

// To the client, as soon as it has connected: what the server can do.
struct [[gnu::packed]] Hello {
  Name name{};
  uint16_t min_version = kVersion;
  uint16_t max_version = kVersion;
  uint16_t max_region = 0;  // indexes, not numbers
  uint16_t max_to_client = 0;
  uint16_t max_to_server = 0;
  uint8_t max_log2_ring_size = 0;
};

// To the server: which interface, and who asks.
struct [[gnu::packed]] Init {
  uint16_t version = kVersion;
  uint32_t id = 0;
  uint8_t mode = 0;  // 0: Ethernet
  std::array<char, kSecretLength> secret{};
  Name name{};
};

// To the server, with the file's descriptor.
struct [[gnu::packed]] AddRegion {
  uint16_t index = 0;
  uint64_t size = 0;
};

// To the server, with the ring's interrupt, an eventfd: whoever fills the ring writes it.
struct [[gnu::packed]] AddRing {
  static constexpr uint16_t kToServer = 1;

  uint16_t flags = 0;
  uint16_t index = 0;  // among the rings of its direction
  uint16_t region = 0;
  uint32_t offset = 0;
  uint8_t log2_size = 0;
  uint16_t private_header_size = 0;
};

// To the server, and its answer.
struct [[gnu::packed]] Connect {
  Name interface {};
};
struct [[gnu::packed]] Connected {
  Name interface {};
};

// Either way, before the connection is closed.
struct [[gnu::packed]] Disconnect {
  uint32_t code = 0;
  std::array<char, 96> reason{};
};

// Every message has this length.
struct Message {
  MessageType type = MessageType::kNone;
  std::array<std::byte, 126> body{};

  Message() = default;
  explicit Message(MessageType of) : type(of) {}
  template <typename T>
  Message(MessageType of, const T& payload) : type(of) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(body));
    std::memcpy(body.data(), &payload, sizeof(T));
  }
  template <typename T>
  T As() const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(body));
    T payload;
    std::memcpy(&payload, body.data(), sizeof(T));
    return payload;
  }
};
static_assert(sizeof(Message) == 128);
static_assert(sizeof(Hello) == 43 && sizeof(Init) == 63 && sizeof(AddRegion) == 10 &&
              sizeof(AddRing) == 13 && sizeof(Disconnect) == 100);

// A text field of a message: up to its first zero, or all of it.
template <size_t N>
std::string TextOf(const std::array<char, N>& field) {
  return std::string(field.data(), strnlen(field.data(), N));
}
// The other way; what is too long is cut, and a zero ends it.
template <size_t N>
std::array<char, N> FieldOf(std::string_view text) {
  std::array<char, N> field{};
  text = text.substr(0, N - 1);
  std::memcpy(field.data(), text.data(), text.size());
  return field;
}

// A ring: a header of two cache lines, the client's and the server's, and its descriptors. `head`
// is moved by the client and `tail` by the server, whichever way frames go.
inline constexpr size_t kRingCookie = 0;
inline constexpr size_t kRingFlags = 4;
inline constexpr size_t kRingHead = 6;
inline constexpr size_t kRingTail = 64;
inline constexpr size_t kRingDescriptors = 128;
inline constexpr uint16_t kMaskInterrupt = 1;  // in the flags: whoever empties the ring polls

struct Descriptor {
  static constexpr uint16_t kNext = 1;  // the frame goes on in the next descriptor

  uint16_t flags;
  uint16_t region;
  uint32_t length;
  uint32_t offset;
  uint32_t metadata;
};
static_assert(sizeof(Descriptor) == 16);

inline constexpr size_t RingBytes(size_t size) {
  return kRingDescriptors + size * sizeof(Descriptor);
}

}  // namespace weft::memif
