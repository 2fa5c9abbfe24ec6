// SPDX-License-Identifier: Apache-2.0
// What bridges there are, and which address is on which port: all that other rooms and plugins see
// of bridging. The room `l2` implements it; ModuleServices has it. Control thread, but for Lookup.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/ids.h"
#include "core/base/mac_address.h"

namespace weft {

// An address of a bridge's forwarding database.
struct BridgeAddress {
  std::string bridge;
  MacAddress mac;
  PortId port;
  bool is_static = false;  // configured, and not learned
  uint32_t age = 0;        // seconds since it was last a source; 0 of a static one
};

// A static address that somebody has added: it goes with this object. It goes earlier if its port
// does.
class StaticAddress {
 public:
  StaticAddress() = default;
  virtual ~StaticAddress() = default;
  StaticAddress(const StaticAddress&) = delete;
  StaticAddress& operator=(const StaticAddress&) = delete;
};

class Bridges {
 public:
  virtual ~Bridges() = default;

  // --- a worker, between two quiescent states, or the control thread ---

  // The port of an address in the bridge that `port` is in; invalid if it is not known, or the port
  // is in no bridge. Some 10 ns.
  virtual PortId Lookup(PortId port, const MacAddress& mac) const = 0;

  // --- control thread ---

  virtual std::vector<std::string> Names() const = 0;
  // Empty if the port is in none.
  virtual std::string BridgeOf(PortId port) const = 0;
  // All ports of its bridge, as flood takes it; invalid if the port is in none.
  virtual GroupId GroupOf(PortId port) const = 0;
  // Its ports, whether they are up or not; none if there is no such bridge.
  virtual std::vector<PortId> PortsOf(std::string_view bridge) const = 0;
  // What the bridge knows now; nothing if there is no such bridge.
  virtual std::vector<BridgeAddress> AddressesOf(std::string_view bridge) const = 0;
  // Has `port` own the address in its bridge for as long as the result is kept. AlreadyExists: it
  // is another port's. FailedPrecondition: the port is in no bridge. InvalidArgument: no port can
  // own it. Several may ask the same for one port: the last of them ends it.
  virtual absl::StatusOr<std::unique_ptr<StaticAddress>> AddStatic(PortId port,
                                                                   const MacAddress& mac) = 0;
};

}  // namespace weft
