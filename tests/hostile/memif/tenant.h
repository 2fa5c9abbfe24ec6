// SPDX-License-Identifier: Apache-2.0
// A memif container of the suite, the client of a port that listens: a connection, memory, a ring
// each way. Honest as far as it goes by itself; the cases lie with its parts. One thread at a time.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "tests/hostile/memif/link.h"
#include "tests/hostile/station.h"
#include "tests/plugins/memif/client_memory.h"

namespace weft::hostile {

// How far a session has come.
enum class MemifStage : uint8_t { kFresh, kKnown, kShared, kRings, kRunning };

struct MemifOptions {
  std::string socket;
  uint16_t ring = 64;     // descriptors
  uint16_t buffers = 64;  // that are offered before the rings run
};

class MemifTenant final : public Station {
 public:
  explicit MemifTenant(MemifOptions options);
  ~MemifTenant() override { link_.Close(); }
  MemifTenant(const MemifTenant&) = delete;
  MemifTenant& operator=(const MemifTenant&) = delete;

  // Connects and goes on honestly until there. False if the switch does not come along.
  bool Reach(MemifStage stage);
  bool Run() override { return Reach(MemifStage::kRunning); }
  // A message and its descriptor, and the answer that it is to get.
  bool Ask(const memif::Message& message, int fd = -1,
           memif::MessageType answer = memif::MessageType::kAck);
  void Kick() const;

  void Transmit(const Bytes& frame) override;
  std::optional<Bytes> Receive() override;

  MemifLink& link() { return link_; }
  memif::testing::ClientMemory& memory() { return memory_; }
  int interrupt(bool to_server) const { return (to_server ? out_ : in_).get(); }
  // What it says of its memory and its rings.
  memif::Message region_message() const {
    return memif::testing::RegionMessage(memory_.memory.size());
  }
  memif::Message ring_message(bool to_server) const {
    return memif::testing::RingMessage(to_server, to_server ? memory_.out : memory_.in);
  }

 private:
  const MemifOptions options_;
  MemifLink link_;
  memif::testing::ClientMemory memory_;
  UniqueFd out_;
  UniqueFd in_;
  std::deque<Bytes> arrived_;
};

}  // namespace weft::hostile
