// SPDX-License-Identifier: Apache-2.0
// A memif client's memory, rings and messages, as tests play them: by the rules, and with every
// part open to be made wrong.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"
#include "plugins/memif/protocol.h"

namespace weft::memif::testing {

using Bytes = std::vector<uint8_t>;

// Memory that both ends share. Aborts if the machine has none left.
class SharedMemory {
 public:
  explicit SharedMemory(size_t size, unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING)
      : size_(size), fd_(memfd_create("peer", flags)) {
    if (ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) std::abort();
    Map();
  }
  // What the other end shares.
  SharedMemory(size_t size, UniqueFd fd) : size_(size), fd_(std::move(fd)) { Map(); }
  ~SharedMemory() { munmap(base_, size_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  size_t size() const { return size_; }
  int fd() const { return fd_.get(); }
  uint8_t* at(size_t offset) const { return base_ + offset; }
  template <typename T>
  T Get(size_t offset) const {
    return std::atomic_ref<T>(*reinterpret_cast<T*>(at(offset))).load();
  }
  template <typename T>
  void Put(size_t offset, T value) const {
    std::atomic_ref<T>(*reinterpret_cast<T*>(at(offset))).store(value);
  }

 private:
  void Map() {
    void* const at = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (at == MAP_FAILED) std::abort();
    base_ = static_cast<uint8_t*>(at);
  }

  const size_t size_;
  const UniqueFd fd_;
  uint8_t* base_ = nullptr;
};

// A ring in it. Which of the indexes is whose is the test's business.
class PeerRing {
 public:
  PeerRing(const SharedMemory& memory, uint32_t offset, uint16_t size)
      : memory_(&memory), offset_(offset), size_(size) {}
  void Initialize() const {
    std::memset(memory_->at(offset_), 0, RingBytes(size_));
    memory_->Put<uint32_t>(offset_ + kRingCookie, kCookie);
  }

  uint32_t offset() const { return offset_; }
  uint16_t size() const { return size_; }
  uint16_t head() const { return memory_->Get<uint16_t>(offset_ + kRingHead); }
  uint16_t tail() const { return memory_->Get<uint16_t>(offset_ + kRingTail); }
  uint16_t flags() const { return memory_->Get<uint16_t>(offset_ + kRingFlags); }
  void set_head(size_t head) const {
    memory_->Put(offset_ + kRingHead, static_cast<uint16_t>(head));
  }
  void set_tail(size_t tail) const {
    memory_->Put(offset_ + kRingTail, static_cast<uint16_t>(tail));
  }
  void set_flags(uint16_t flags) const { memory_->Put(offset_ + kRingFlags, flags); }
  Descriptor Get(size_t position) const {
    Descriptor descriptor;
    std::memcpy(&descriptor, memory_->at(DescriptorAt(position)), sizeof(descriptor));
    return descriptor;
  }
  void Put(size_t position, const Descriptor& descriptor) const {
    std::memcpy(memory_->at(DescriptorAt(position)), &descriptor, sizeof(descriptor));
  }

 private:
  size_t DescriptorAt(size_t position) const {
    return offset_ + kRingDescriptors + sizeof(Descriptor) * (position & (size_ - 1U));
  }

  const SharedMemory* memory_;
  uint32_t offset_;
  uint16_t size_;
};

// The memory of a client with one ring in each direction, as DPDK's is: rings first, then a buffer
// for each descriptor. The client's frames go out on `out`, and come in on `in`.
struct ClientMemory {
  static constexpr uint32_t kBuffer = 2048;

  explicit ClientMemory(uint16_t size = 64)
      : rings(2 * ((RingBytes(size) + 63) / 64 * 64)),
        memory(rings + 2 * size * size_t{kBuffer}),
        out(memory, 0, size),
        in(memory, static_cast<uint32_t>(rings / 2), size) {
    out.Initialize();
    in.Initialize();
  }

  uint32_t OutBuffer(size_t position) const {
    return static_cast<uint32_t>(rings + (position & (out.size() - 1U)) * kBuffer);
  }
  uint32_t InBuffer(size_t position) const {
    return static_cast<uint32_t>(rings + (in.size() + (position & (in.size() - 1U))) * kBuffer);
  }
  // Puts a frame into the next buffer, or spreads it over pieces of so many bytes.
  void Send(const Bytes& frame, size_t piece = kBuffer) {
    for (size_t at = 0; at < frame.size(); at += piece, ++sent) {
      const size_t length = std::min(piece, frame.size() - at);
      std::memcpy(memory.at(OutBuffer(sent)), frame.data() + at, length);
      out.Put(sent, {.flags = at + length < frame.size() ? Descriptor::kNext : uint16_t{0},
                     .region = 0,
                     .length = static_cast<uint32_t>(length),
                     .offset = OutBuffer(sent),
                     .metadata = 0});
    }
    out.set_head(sent);
  }
  // Offers `count` more buffers, each of so many bytes.
  void Offer(size_t count, uint32_t length = kBuffer) {
    for (size_t i = 0; i < count; ++i, ++offered) {
      in.Put(
          offered,
          {.flags = 0, .region = 0, .length = length, .offset = InBuffer(offered), .metadata = 0});
    }
    in.set_head(offered);
  }
  // The frames that have come since the last time.
  std::vector<Bytes> Take() {
    std::vector<Bytes> frames;
    Bytes frame;
    for (; taken != in.tail(); ++taken) {
      const Descriptor descriptor = in.Get(taken);
      const uint8_t* const from = memory.at(descriptor.offset);
      frame.insert(frame.end(), from, from + descriptor.length);
      if ((descriptor.flags & Descriptor::kNext) != 0) continue;
      frames.push_back(std::move(frame));
      frame.clear();
    }
    if (!frame.empty()) std::abort();  // what weft shows ends with a whole frame
    return frames;
  }

  const size_t rings;  // bytes
  SharedMemory memory;
  PeerRing out, in;
  uint16_t sent = 0, offered = 0, taken = 0;
};

// Messages as an honest client sends them.
inline Message InitMessage(uint32_t id = 0, std::string_view secret = "") {
  Init init{};
  init.id = id;
  init.secret = FieldOf<kSecretLength>(secret);
  init.name = FieldOf<32>("a test");
  return {MessageType::kInit, init};
}
inline Message RegionMessage(uint64_t size, uint16_t index = 0) {
  AddRegion region{};
  region.index = index;
  region.size = size;
  return {MessageType::kAddRegion, region};
}
inline Message RingMessage(bool to_server, const PeerRing& ring, uint16_t index = 0) {
  AddRing request{};
  request.flags = to_server ? AddRing::kToServer : uint16_t{0};
  request.index = index;
  request.offset = ring.offset();
  request.log2_size = static_cast<uint8_t>(std::bit_width(ring.size()) - 1);
  return {MessageType::kAddRing, request};
}
inline Message ConnectMessage() {
  Connect connect{};
  connect.interface = FieldOf<32>("eth7");
  return {MessageType::kConnect, connect};
}

}  // namespace weft::memif::testing
