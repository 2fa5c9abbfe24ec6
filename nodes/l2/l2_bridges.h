// SPDX-License-Identifier: Apache-2.0
// Bridges as other rooms and plugins see them, and the static addresses that they have added. Owned
// by the l2 module; control thread, but for Lookup.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/port/bridges.h"
#include "core/port/port_table.h"
#include "nodes/l2/bridge.h"

namespace weft::l2 {

class L2Bridges final : public Bridges {
 public:
  // `configured`: whether an address is a port's for another reason, and stays in the database.
  L2Bridges(L2State& state, const PortTable& ports,
            std::function<bool(PortId, const MacAddress&)> configured)
      : state_(state),
        ports_(ports),
        configured_(std::move(configured)),
        added_(std::make_shared<Added>()) {
    added_->bridges = this;
  }
  ~L2Bridges() override { added_->bridges = nullptr; }

  PortId Lookup(PortId port, const MacAddress& mac) const override;
  std::vector<std::string> Names() const override;
  std::string BridgeOf(PortId port) const override;
  GroupId GroupOf(PortId port) const override;
  std::vector<PortId> PortsOf(std::string_view bridge) const override;
  std::vector<BridgeAddress> AddressesOf(std::string_view bridge) const override;
  absl::StatusOr<std::unique_ptr<StaticAddress>> AddStatic(PortId port,
                                                           const MacAddress& mac) override;

  // Whether somebody has added this one and has it still.
  bool Has(PortId port, const MacAddress& mac) const {
    return added_->owners.contains({port, mac});
  }
  // The port has left its bridge, with all its addresses.
  void RemovePort(PortId port);

 private:
  class Handle;
  using Key = std::pair<PortId, MacAddress>;
  // Handles may outlive all of this.
  struct Added {
    L2Bridges* bridges = nullptr;
    uint64_t last_life = 0;
    struct Owners {
      uint64_t life = 0;  // of the entry; a later one of the same port and address has another
      size_t count = 0;
    };
    std::map<Key, Owners> owners;
  };

  void Release(const Key& key, uint64_t life);

  L2State& state_;
  const PortTable& ports_;
  const std::function<bool(PortId, const MacAddress&)> configured_;
  const std::shared_ptr<Added> added_;
};

}  // namespace weft::l2
