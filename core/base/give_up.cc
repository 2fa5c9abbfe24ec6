// SPDX-License-Identifier: Apache-2.0
#include "core/base/give_up.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace weft {

void GiveUp(std::string_view what, int error) {
  std::fprintf(stderr, "weft: cannot %.*s: %s\n", static_cast<int>(what.size()), what.data(),
               std::strerror(error));
  std::_Exit(1);  // other threads may run; nobody's destructor knows what is missing
}

}  // namespace weft
