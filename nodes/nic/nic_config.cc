// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/nic_config.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/text.h"
#include "nodes/nic/device.h"

namespace weft::nic {

void NicConfig::Check(const Value& table, const Place& place) const {
  const absl::StatusOr<Device> parsed = Device::Parse(device);
  if (!parsed.ok()) {
    place.Key("device").Error(table.WhereIs("device"), MessageOf(parsed.status()));
    return;
  }
  // What comes in on a queue that nobody polls is lost.
  const std::string_view key = parsed->QueueArgument();
  if (!key.empty() && !parsed->Argument(key).empty() &&
      parsed->Argument(key) != std::to_string(queues)) {
    place.Key("device").Error(
        table.WhereIs("device"),
        Cat("has ", key, "=", parsed->Argument(key), ", but the port's queues are ", queues,
            "; leave ", key, " out, it follows from queues"));
  }
}

void CheckDevices(std::span<const KindUse> ports) {
  std::vector<std::pair<Device, const KindUse*>> seen;
  for (const KindUse& use : ports) {
    absl::StatusOr<Device> device = Device::Parse(use.port->kind_config.As<NicConfig>().device);
    if (!device.ok()) continue;  // Check has said so
    for (const auto& [other, first] : seen) {
      if (!device->SameAs(other)) continue;
      use.place.Key("device").Error(
          use.table->WhereIs("device"),
          Cat(Quoted(device->ToString()), " is the device of port ", Quoted(first->port->name),
              " already; each port needs a device of its own"));
      break;
    }
    seen.emplace_back(*std::move(device), &use);
  }
}

}  // namespace weft::nic
