// SPDX-License-Identifier: Apache-2.0
// What ports over rings share, whatever kind of ring it is: the container, its connection to a
// switch, and the account of its frames. How frames get into a ring and out of it is the ports'
// own.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "bench/load/account.h"
#include "bench/load/container.h"
#include "bench/load/packed_ring.h"
#include "bench/load/split_ring.h"

namespace weft::load {

// Both rings of a container, for who stands in for a switch.
template <typename Ring>
struct RingPair {
  Ring receive;
  Ring transmit;
};
using AnyRings = std::variant<RingPair<SplitRing>, RingPair<PackedRing>>;

// A container that is attached to a switch, or, without a socket, to nothing yet.
struct AttachedPort {
  std::unique_ptr<Port> port;
  std::optional<AnyRings> rings;  // if they are of a kind that NullSwitch knows
};

template <typename Ring, Work kWork>
class RingPort : public Port {
 public:
  RingPort(const ContainerOptions& options, Container<Ring> container)
      : options_(options), container_(std::move(container)), account_(options) {}

  absl::Status Attach(uint64_t features) {
    absl::StatusOr<FrontEnd> end = FrontEnd::Attach(options_.socket, options_.listen, features,
                                                    container_.memory(), container_.places());
    if (!end.ok()) return end.status();
    front_end_ = *std::move(end);
    return absl::OkStatus();
  }
  RingPair<Ring> rings() { return {container_.receive(), container_.transmit()}; }

  Tally Received() const override { return account_.tally(); }
  const Histogram* latency() const override { return account_.latency(); }

 protected:
  static constexpr uint32_t kReceive = 0;  // the rings' numbers in the protocol
  static constexpr uint32_t kTransmit = 1;

  Ring& receive() { return container_.receive(); }
  Ring& transmit() { return container_.transmit(); }
  Account& account() { return account_; }
  const ContainerOptions& options() const { return options_; }
  const Memory& memory() const { return container_.memory(); }

  // Writes the next frame into a transmit buffer; returns the length for its descriptor.
  uint32_t Fill(uint32_t buffer) {
    return Ring::kHeader + account_.Write(transmit().buffers.at(buffer) + Ring::kHeader);
  }
  // Looks at a frame that arrived in a receive buffer, as much as the work asks for.
  void Look(uint32_t buffer, uint32_t length, uint64_t now) {
    if constexpr (kWork == Work::kVerify) {
      const uint32_t size = length < Ring::kHeader ? 0 : length - Ring::kHeader;
      account_.Check(receive().buffers.at(buffer) + Ring::kHeader, size, now);
    } else if constexpr (kWork == Work::kRead) {
      ReadAll(receive().buffers.at(buffer), length);
    }
  }
  // Has a switch that asks for it look at a ring with something new.
  void Kick(const Ring& ring, uint32_t number) {
    if (front_end_ && ring.WantsKick()) front_end_->Kick(number);
  }

 private:
  const ContainerOptions options_;
  Container<Ring> container_;
  std::optional<FrontEnd> front_end_;
  Account account_;
};

// A PortOf<kWork> for the work of the options, attached if they name a socket.
template <template <Work> class PortOf, typename Ring>
absl::StatusOr<AttachedPort> MakeRingPort(const ContainerOptions& options, uint64_t features) {
  absl::StatusOr<Container<Ring>> container = Container<Ring>::Make(options);
  if (!container.ok()) return container.status();
  const auto make = [&]<Work kWork>() -> absl::StatusOr<AttachedPort> {
    auto port = std::make_unique<PortOf<kWork>>(options, *std::move(container));
    if (!options.socket.empty()) {
      if (absl::Status status = port->Attach(features); !status.ok()) return status;
    }
    AttachedPort attached;
    if constexpr (std::is_constructible_v<AnyRings, RingPair<Ring>>) attached.rings = port->rings();
    attached.port = std::move(port);
    return attached;
  };
  switch (options.work) {
    case Work::kNone:
      return make.template operator()<Work::kNone>();
    case Work::kRead:
      return make.template operator()<Work::kRead>();
    case Work::kVerify:
      break;
  }
  return make.template operator()<Work::kVerify>();
}

}  // namespace weft::load
