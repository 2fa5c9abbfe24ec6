// SPDX-License-Identifier: Apache-2.0
// A memif container to whom weft is the client: it listens, and the memory is weft's. Honest as far
// as it goes by itself; the cases lie with its parts. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tests/hostile/memif/link.h"
#include "tests/hostile/station.h"
#include "tests/plugins/memif/client_memory.h"

namespace weft::hostile {

// How far a session has come: weft has connected; it was greeted; it has said all that it has; it
// runs.
enum class ServerStage : uint8_t { kFresh, kGreeted, kConnecting, kRunning };

class MemifServer final : public Station {
 public:
  // Where it listens until weft has connected: an error of the port's stays to be seen if nobody
  // takes the next connection.
  explicit MemifServer(std::string path) : path_(std::move(path)) {}
  ~MemifServer() override { Hide(); }
  MemifServer(const MemifServer&) = delete;
  MemifServer& operator=(const MemifServer&) = delete;

  // Takes weft's next connection, if there is none, and goes on honestly until there.
  bool Reach(ServerStage stage);
  bool Run() override { return Reach(ServerStage::kRunning); }
  static memif::Hello HonestHello();
  // False if it cannot.
  bool Listen();

  void Transmit(const Bytes& frame) override;
  std::optional<Bytes> Receive() override;

  MemifLink& link() { return link_; }
  const memif::testing::SharedMemory& memory() const { return *memory_; }
  // The one that weft fills, and the one that we do. They are there once it is connecting.
  memif::testing::PeerRing& from_switch() { return *rings_[0].ring; }
  memif::testing::PeerRing& to_switch() { return *rings_[1].ring; }
  int interrupt(bool from_switch) const { return rings_[from_switch ? 0 : 1].interrupt.get(); }
  void Kick() const;

 private:
  struct Ring {
    std::optional<memif::testing::PeerRing> ring;
    UniqueFd interrupt;
  };

  bool Accept();
  bool TakePieces();
  void Hide();

  const std::string path_;
  UniqueFd listener_;
  MemifLink link_;
  std::unique_ptr<memif::testing::SharedMemory> memory_;
  std::array<Ring, 2> rings_;
  uint16_t taken_ = 0;  // of the ring that weft fills
  uint16_t sent_ = 0;
};

}  // namespace weft::hostile
