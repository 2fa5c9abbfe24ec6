// SPDX-License-Identifier: Apache-2.0
// How a container gets a veth whose outer end is a port's: lines for `ip` and podman, to be copied.
// Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/af_xdp/af_xdp_config.h"

namespace weft::af_xdp {

// What Attachment may tell.
std::vector<Column> AttachmentColumns();

// The container's network namespace is called like the port.
std::vector<PortFact> Attachment(const std::string& port, const std::optional<MacAddress>& mac,
                                 uint32_t mtu, const AfXdpConfig& config);

}  // namespace weft::af_xdp
