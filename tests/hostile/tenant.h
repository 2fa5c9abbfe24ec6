// SPDX-License-Identifier: Apache-2.0
// A container of the suite: a connection, memory, rings each way. Honest as far as it goes by
// itself; the cases lie with its parts. One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tests/hostile/link.h"
#include "tests/hostile/station.h"
#include "tests/nodes/vhost/guest_driver.h"

namespace weft::hostile {

enum class Rings : uint8_t { kSplit, kPacked };

// How far a session has come.
enum class Stage : uint8_t { kFresh, kNegotiated, kRunning, kStopped };

inline constexpr uint32_t kReceive = 0;  // the first two rings' numbers in the protocol
inline constexpr uint32_t kTransmit = 1;

inline constexpr uint64_t kHonestFeatures = vhost::kFeatureVersion1 | vhost::kFeatureMergeable |
                                            vhost::kFeatureIndirect | vhost::kFeatureProtocol;

struct TenantOptions {
  std::string socket;
  Rings rings = Rings::kSplit;
  uint64_t features = kHonestFeatures;  // PACKED is added to it
  uint32_t pairs = 1;                   // of rings
  uint16_t buffers = 64;                // that are posted in each before the rings run
  size_t memory = 4 << 20;
  unsigned file = 0;  // what memfd_create is told of it
};

class Tenant final : public Station {
 public:
  static constexpr uint16_t kRingSize = 256;

  explicit Tenant(TenantOptions options);
  ~Tenant() override;
  Tenant(const Tenant&) = delete;
  Tenant& operator=(const Tenant&) = delete;

  // Connects and goes on honestly until there. False if the switch does not come along.
  bool Reach(Stage stage);
  bool Run() override { return Reach(Stage::kRunning); }
  // The steps of it.
  bool Connect() { return link_.Connect(options_.socket); }
  bool Negotiate();
  bool ShareMemory();
  bool SetUpRing(uint32_t index);
  bool Stop();
  void Disconnect() { link_.Close(); }
  void Kick(uint32_t index) const;

  void Transmit(const Bytes& frame) override;
  std::optional<Bytes> Receive() override;

  // Frames that the switch has not taken yet.
  uint32_t on_the_way();

  Link& link() { return link_; }
  vhost::testing::Guest& guest() { return *guest_; }
  vhost::testing::GuestQueue& ring(uint32_t index) { return *rings_[index]; }
  uint32_t rings_there() const { return static_cast<uint32_t>(rings_.size()); }
  int kick_fd(uint32_t index) const { return kick_[index].get(); }
  int call_fd(uint32_t index) const { return call_[index].get(); }
  Rings rings() const { return options_.rings; }
  const std::string& socket() const { return options_.socket; }
  // What SET_MEM_TABLE says of the memory.
  vhost::RegionRequest region() const;

 private:
  const TenantOptions options_;
  Link link_;
  std::unique_ptr<vhost::testing::Guest> guest_;
  std::vector<std::unique_ptr<vhost::testing::GuestQueue>> rings_;
  std::vector<UniqueFd> kick_;
  std::vector<UniqueFd> call_;
  std::vector<vhost::UsedElement> arrived_;
  uint32_t sent_ = 0;
  uint32_t taken_ = 0;  // of them, by the switch
  size_t mark_ = 0;     // where the guest's memory is free for frames to send
};

// SET_MEM_TABLE of these regions.
Payload TableOf(std::span<const vhost::RegionRequest> regions);

}  // namespace weft::hostile
