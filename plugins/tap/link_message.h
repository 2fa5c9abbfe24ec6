// SPDX-License-Identifier: Apache-2.0
// The one request that makes a fresh TAP a container's interface (rtnetlink(7)): the kernel moves
// it, then names it, sets its address and MTU, and sets it up, all with the rights of the asker
// over the other namespace (do_setlink, net/core/rtnetlink.c). So weftd never enters a namespace,
// which would take CAP_SYS_ADMIN. Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/sdk/weft.h"

namespace weft::tap {

struct LinkSettings {
  std::string name;
  uint32_t mtu = 1500;
  uint32_t queue_length = 1000;           // frames that the kernel keeps for us, of each queue
  uint32_t most_segments = kMaxSegments;  // that the kernel leaves us to make of one frame
  std::optional<MacAddress> mac{};        // else the kernel's choice
  int netns = -1;                         // a descriptor of the namespace to move to; -1: none
};

// RTM_NEWLINK for the interface with this index.
std::vector<uint8_t> LinkMessage(int index, const LinkSettings& settings);

// Sends it and waits for the kernel's answer, which is ready when the request was taken. 0, or the
// errno of the failure.
int ChangeLink(int index, const LinkSettings& settings);

}  // namespace weft::tap
