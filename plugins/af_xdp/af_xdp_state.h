// SPDX-License-Identifier: Apache-2.0
// What the plugin's ports and nodes share. AfXdpModule owns it; ports change it on the control
// thread, workers load table().
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/sdk/weft.h"
#include "plugins/af_xdp/ports_table.h"

namespace weft::af_xdp {

class AfXdpState {
 public:
  explicit AfXdpState(Rcu& rcu) : rcu_(rcu) {}

  const Published<PortsTable>& table() const { return table_; }

  // Frames of this port flow from now on; it replaces what was said of the port before.
  void Connect(PortQueues port);
  // Or no longer. Does nothing if they did not.
  void Disconnect(PortId port);

  // An interface is known by its namespace's path and its name.
  using Key = std::pair<std::string, std::string>;
  // Whether workers may still use what a former port had opened.
  bool InUse(const Key& interface) const;
  void SetOpened(const Key& interface, std::weak_ptr<const void> opened);

 private:
  void Publish();

  Rcu& rcu_;
  std::map<PortId, PortQueues> connected_;
  std::map<Key, std::weak_ptr<const void>> opened_;
  Published<PortsTable> table_;
};

}  // namespace weft::af_xdp
