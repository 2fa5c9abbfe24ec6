// SPDX-License-Identifier: Apache-2.0
// What other switches call our commands: who has learned theirs is told ours. Private to the room;
// control thread.
#pragma once

#include <string_view>

namespace weft {

// Our command for words that begin a command of VPP's, or `ovs-appctl`'s; empty if we know none.
std::string_view OurWords(std::string_view theirs);

}  // namespace weft
