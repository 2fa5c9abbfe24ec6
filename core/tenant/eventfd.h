// SPDX-License-Identifier: Apache-2.0
// Telling an eventfd from whatever else a tenant may send in its place. Control thread.
#pragma once

namespace weft {

// True if `fd` is an eventfd: a write of 8 bytes to it can signal and nothing else (hostile.md rule
// 11). Asks /proc, and changes nothing.
bool IsEventFd(int fd);

}  // namespace weft
