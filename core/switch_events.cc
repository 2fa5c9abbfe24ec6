// SPDX-License-Identifier: Apache-2.0
// What `show events` tells of a port that is not up; the rest is told where it is done.
#include <string>

#include "core/switch.h"

namespace weft {

// Another port may have its number by now; then that one says for itself how it is.
void Switch::TellDown(PortId id, bool was_up) {
  const Port* const port = ports_.Find(id);
  if (port == nullptr || port->backend == nullptr) return;
  const PortStatus status = port->backend->Status();
  if (status.state == PortState::kError) {
    events_.Add(EventKind::kPortError, port->name, status.reason);
    errors_[id] = status.reason;
  } else if (was_up) {
    events_.Add(EventKind::kPortDown, port->name, status.reason);
  }
}

// An error that comes without a change between up and down: a device that cannot be opened again.
void Switch::LookForErrors() {
  for (const auto& port : ports_.ports()) {
    const PortStatus status = port->backend->Status();
    if (status.state != PortState::kError) {
      errors_.erase(port->id);
    } else if (std::string& told = errors_[port->id]; told != status.reason) {
      events_.Add(EventKind::kPortError, port->name, status.reason);
      told = status.reason;
    }
  }
}

}  // namespace weft
