// SPDX-License-Identifier: Apache-2.0
// Where sockets are unless startup.conf says otherwise: what weftd and weftctl have to agree on.
// Any thread.
#pragma once

#include <string>

#include "core/base/text.h"

namespace weft {

// /run/weft for root; else $XDG_RUNTIME_DIR/weft, else /tmp/weft-<uid>. `xdg_runtime_dir` is what
// getenv says of it: null if it is not set.
inline std::string DefaultRuntimeDir(unsigned uid, const char* xdg_runtime_dir) {
  if (uid == 0) return "/run/weft";
  if (xdg_runtime_dir != nullptr && *xdg_runtime_dir == '/') return Cat(xdg_runtime_dir, "/weft");
  return Cat("/tmp/weft-", uid);
}

}  // namespace weft
