// SPDX-License-Identifier: Apache-2.0
// Packets as a pcapng file (draft-ietf-opsawg-pcapng): a section header, a description of each
// interface before its first packet, an enhanced packet block for each packet, and statistics at
// the end. Bytes only: what becomes of them is others' business. DPDK's librte_pcapng writes mbufs
// of its own devices; ours are neither. Control thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weft {

class PcapngWriter {
 public:
  // Which way a packet went, as seen from outside of the switch (epb_flags, bits 0 and 1).
  enum class Direction : uint8_t { kUnknown = 0, kInbound = 1, kOutbound = 2 };

  struct Packet {
    uint32_t interface = 0;    // what AddInterface gave
    uint64_t nanoseconds = 0;  // since 1970
    uint32_t length = 0;       // of the frame; `bytes` are its first
    std::span<const uint8_t> bytes{};
    std::string_view comment{};
    Direction direction = Direction::kUnknown;
  };

  // Writes the section header; `program` is who wrote it.
  explicit PcapngWriter(std::string_view program);

  // Ethernet, with times in nanoseconds. The interface's number.
  uint32_t AddInterface(std::string_view name, std::string_view description, uint32_t snap_length);
  void Add(const Packet& packet);
  // How many packets an interface should have had and has not.
  void AddLost(uint32_t interface, uint64_t nanoseconds, uint64_t lost, std::string_view comment);

  // What was written since last time.
  std::string Take();
  size_t size() const { return out_.size(); }

 private:
  void Put16(uint16_t value);
  void Put32(uint32_t value);
  void Put64(uint64_t value);
  void PutTime(uint64_t nanoseconds);
  void PutPadded(const void* bytes, size_t length);
  void PutOption(uint16_t code, const void* bytes, size_t length);
  void PutText(uint16_t code, std::string_view text);
  // A block is what is written between the two.
  size_t Begin(uint32_t type);
  void End(size_t begin);

  std::string out_;
  uint32_t interfaces_ = 0;
};

}  // namespace weft
