// SPDX-License-Identifier: Apache-2.0
// What startup.conf says of a kernel container's port: `tap = { netns = "web-1", interface = "eth0"
// }`.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/sdk/weft.h"

namespace weft::tap {

struct TapConfig {
  static constexpr uint16_t kMaxQueues = 8;

  std::string interface = "eth0";
  std::string netns;
  uint16_t queues = 1;

  static constexpr auto kFields = Fields(
      Field<&TapConfig::interface>("interface", "what the interface is called there", NotEmpty{}),
      Field<&TapConfig::netns>("netns",
                               "the network namespace that it is moved into: a name of `ip netns`, "
                               "or a path such as \"/proc/1234/ns/net\"; without it weftd's own"),
      Field<&TapConfig::queues>("queues", "queues of the interface, spread over the workers",
                                Range{1, kMaxQueues}));

  // A name that no interface can have, a namespace that is neither name nor path.
  void Check(const Value& table, const Place& place) const;

  // The file that stands for the namespace; empty without one.
  std::string NetnsPath() const;
};

// Two ports that want the same interface of the same namespace. See Schemas::Kind.
void CheckTaps(std::span<const KindUse> ports);

}  // namespace weft::tap
