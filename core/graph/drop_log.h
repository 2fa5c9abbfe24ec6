// SPDX-License-Identifier: Apache-2.0
// The last packets that each port lost, always on. The worker writes over the oldest and never
// waits; control copies what is there, and leaves out what was written over meanwhile. One a
// worker.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/ids.h"

namespace weft {

struct DroppedPacket {
  static constexpr size_t kHeader = 44;

  uint64_t cycles = 0;                    // TSC
  uint32_t length = 0;                    // of the frame; 0: it never became a packet
  uint16_t drop = 0;                      // the reason, numbered through over all nodes
  PortId in_port{}, out_port{};           // invalid where there is none
  uint16_t packets = 1;                   // of those that never became one, lost at once
  std::array<uint8_t, kHeader> header{};  // the frame's first bytes, at most `length`
};
static_assert(sizeof(DroppedPacket) == 64);

class DropLog {
 public:
  static constexpr size_t kEach = 32;  // of a port

  DropLog();

  // The worker. An invalid port has a row of its own.
  void Add(PortId blamed, const DroppedPacket& packet);

  // Control: how many there have been, and those of the last kEach that came after the first
  // `since` of them, oldest first.
  uint64_t count(PortId blamed) const;
  std::vector<DroppedPacket> Read(PortId blamed, uint64_t since) const;

 private:
  static constexpr size_t kWords = sizeof(DroppedPacket) / sizeof(uint64_t);
  struct Row {
    std::atomic<uint64_t> begun;  // entries, the one that is being written too
    std::atomic<uint64_t> ended;
    std::array<std::array<std::atomic<uint64_t>, kWords>, kEach> entries;
  };
  struct Free {
    void operator()(Row* rows) const;
  };

  static size_t RowOf(PortId port) { return port.value() < kMaxPorts ? port.value() : kMaxPorts; }

  std::unique_ptr<Row[], Free> rows_;  // 2 MB of address space; only rows that dropped use memory
};

}  // namespace weft
