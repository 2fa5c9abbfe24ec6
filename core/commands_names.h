// SPDX-License-Identifier: Apache-2.0
// Names of nodes and ports, as commands read and show them. Control thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/switch.h"

namespace weft {

// NotFound: names those that there are.
absl::StatusOr<const NodeClass*> NodeNamed(const Switch& s, std::string_view name);
absl::StatusOr<const Port*> PortNamed(const Switch& s, std::string_view name);
// Null if there is none of that number.
const Port* FindPort(const Switch& s, PortId id);

// "-" if there is no port.
std::string PortName(const Switch& s, PortId port);

}  // namespace weft
