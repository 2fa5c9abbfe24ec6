// SPDX-License-Identifier: Apache-2.0
// A container, as a vhost-user switch sees it: memory in a memfd, pairs of split rings in it, and
// the front-end's side of the protocol over a real socket. For tests of the session, of the rings
// and of whole graphs. Single-threaded: while it waits for a reply it calls `pump`, which runs the
// other side.
//
// Layout of the memory, which is one region at guest address kGuestBase: ring 0 at 0, ring 1 at
// 1 MiB (descriptors, available, used, each on a page of its own), buffers from 2 MiB on; behind
// them the rings of further queue pairs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/unique_fd.h"
#include "nodes/vhost/protocol.h"

namespace weft::vhost::testing {

// All that weft offers to a container whose rings are split.
inline constexpr uint64_t kSplitFeatures = kOfferedFeatures & ~kFeaturePacked;

struct SharedDescriptor {
  uint64_t address;  // guest address
  uint32_t length;
  uint16_t flags;  // 1 next, 2 write, 4 indirect
  uint16_t next;
};
struct SharedUsed {
  uint32_t id;
  uint32_t length;
};

// One ring in the container's own mapping.
struct Ring {
  uint16_t size = 0;
  SharedDescriptor* descriptors = nullptr;
  uint16_t* available = nullptr;  // flags, idx, ring[size]
  uint16_t* used = nullptr;       // flags, idx, then elements

  uint16_t available_index() const;
  void SetAvailableIndex(uint16_t index);
  void SetAvailable(uint16_t position, uint16_t head) { available[2 + position % size] = head; }
  uint16_t used_index() const;
  void SetUsedIndex(uint16_t index);
  SharedUsed used_element(uint16_t position) const;
  // Offers `head` at the available index and moves it on.
  void Offer(uint16_t head);
};

class FrontEnd {
 public:
  static constexpr uint64_t kGuestBase = 0x1'0000'0000;
  static constexpr uint64_t kUserBase = 0x7000'0000'0000;
  static constexpr uint64_t kBuffers = 2 << 20;  // offset of the first buffer
  static constexpr uint64_t kRingSpan = 1 << 20;

  explicit FrontEnd(std::function<void()> pump, uint64_t memory_bytes = 8 << 20,
                    uint16_t ring_size = 256, uint32_t queue_pairs = 1);
  ~FrontEnd();
  FrontEnd(const FrontEnd&) = delete;
  FrontEnd& operator=(const FrontEnd&) = delete;

  // The connection: either end of a socketpair, or one made by path. Connect waits until a listener
  // is there.
  void Adopt(UniqueFd socket) { socket_ = std::move(socket); }
  void Connect(const std::string& path);
  void Disconnect() { socket_.reset(); }
  int socket() const { return socket_.get(); }
  // True once the other end has closed.
  bool Closed();

  // The whole handshake in the order of DPDK's virtio-user, up to a kick of all rings. The rings
  // start at the next pump.
  void Handshake(uint64_t features = kSplitFeatures);
  void Negotiate(uint64_t features = kSplitFeatures);
  void SendMemoryTable();
  void SetUpRing(uint32_t index);
  void Enable(uint32_t index, bool enable = true);
  void Kick(uint32_t index);
  // GET_VRING_BASE of all rings; returns the bases.
  std::vector<uint32_t> StopRings();

  // Single messages. Ack: with NEED_REPLY, and returns the acknowledged value; nothing if the other
  // end closed instead.
  void Send(Request request, std::span<const std::byte> payload = {}, std::span<const int> fds = {},
            uint32_t flags = kVersion);
  template <typename T>
  void Send(Request request, const T& payload, std::span<const int> fds = {}) {
    Send(request, std::as_bytes(std::span<const T, 1>(&payload, 1)), fds, kVersion);
  }
  template <typename T>
  std::optional<uint64_t> Ack(Request request, const T& payload, std::span<const int> fds = {}) {
    Send(request, std::as_bytes(std::span<const T, 1>(&payload, 1)), fds,
         kVersion | kNeedReplyFlag);
    return ReadNumber(request);
  }
  // Asks for a number (GET_FEATURES, ...).
  std::optional<uint64_t> Ask(Request request);
  // Raw bytes, as they are.
  void SendRaw(std::span<const std::byte> bytes, std::span<const int> fds = {});
  // The payload of the next reply; nothing if the other end closed.
  std::optional<std::vector<std::byte>> ReadReply(Request request);

  MemoryPayload memory_table() const;
  RingAddressPayload addresses(uint32_t index) const;

  uint32_t rings() const { return static_cast<uint32_t>(rings_.size()); }
  Ring& ring(uint32_t index) { return rings_[index]; }
  // A byte of the container's memory: offsets from 0, and the guest address of an offset.
  uint8_t* at(uint64_t offset) { return memory_ + offset; }
  static uint64_t guest_address(uint64_t offset) { return kGuestBase + offset; }
  int memfd() const { return memfd_.get(); }
  int kick_fd(uint32_t index) const { return kick_[index].get(); }
  int call_fd(uint32_t index) const { return call_[index].get(); }
  // How often the container was interrupted since the last time it was asked.
  uint64_t TakeCalls(uint32_t index);

 private:
  std::optional<uint64_t> ReadNumber(Request request);
  // Reads exactly `length` bytes, pumping; false if the other end closed.
  bool ReadExactly(std::byte* to, size_t length);

  const std::function<void()> pump_;
  const uint64_t memory_bytes_;  // all of it
  const uint64_t more_rings_;    // where those of further queue pairs begin
  UniqueFd memfd_;
  uint8_t* memory_ = nullptr;
  std::vector<Ring> rings_;
  std::vector<UniqueFd> kick_;
  std::vector<UniqueFd> call_;
  UniqueFd socket_;
};

}  // namespace weft::vhost::testing
