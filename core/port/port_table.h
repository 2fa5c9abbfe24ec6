// SPDX-License-Identifier: Apache-2.0
// The ports that there are: their numbers, names and backends. Owned by the Switch; control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/rcu.h"
#include "core/graph/arc_tables.h"
#include "core/port/port.h"

namespace weft {

struct Port {
  PortId id;
  std::string name;
  std::string kind;  // "vhost", "dpdk"
  std::string bridge;
  uint32_t mtu = 0;               // bytes behind the Ethernet header
  std::vector<WorkerId> workers;  // who polls it, queue by queue; at least one
  PortWiring wiring;
  std::unique_ptr<PortBackend> backend;
  bool up = false;  // as the bridge was told
};

// The workers of its queues, in their order: "0, 1, 0".
std::string WorkersOf(const Port& port);

class PortTable {
 public:
  explicit PortTable(Rcu& rcu) : rcu_(rcu), numbers_(std::make_shared<Numbers>()) {}

  // A new port with the lowest free number. Errors: the name is taken, kMaxPorts are there.
  absl::StatusOr<Port*> Add(std::string name);
  // Destroys the port. Its number stays taken.
  void Remove(PortId id);
  // Gives the number of a removed port out again once no worker can have it any more. Call it when
  // all that workers load has been published without that port.
  void Release(PortId id);

  // Null if there is none.
  Port* Find(std::string_view name);
  Port* Find(PortId id);
  // "port 7" if it is not there any more.
  std::string NameOf(PortId id) const;
  // In the order they were added.
  const std::vector<std::unique_ptr<Port>>& ports() const { return ports_; }
  std::vector<PortWiring> Wirings() const;

 private:
  struct Numbers {
    std::vector<bool> used;
  };

  Rcu& rcu_;
  std::shared_ptr<Numbers> numbers_;  // outlives the table in deferred callbacks
  std::vector<std::unique_ptr<Port>> ports_;
  uint32_t lives_ = 0;  // ports that there ever were
};

}  // namespace weft
