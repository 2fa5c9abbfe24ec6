// SPDX-License-Identifier: Apache-2.0
// weftctl as a capture program of Wireshark's and tshark's (extcap): it lists weft's ports as
// interfaces, and captures on one of them into the FIFO that they read.
// https://www.wireshark.org/docs/wsdg_html_chunked/ChCaptureExtcap.html
#pragma once

#include <string_view>

#include "core/shell/command.h"
#include "core/shell/weftctl.h"

namespace weft {

// Runs one call of theirs: `arguments` stand behind `weftctl extcap`. Returns the exit status.
int RunExtcap(ControlClient& client, const Arguments& arguments, const Display& display,
              std::string_view where);

}  // namespace weft
