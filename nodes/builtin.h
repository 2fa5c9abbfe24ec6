// SPDX-License-Identifier: Apache-2.0
// The modules that are always there.
#pragma once

#include <memory>
#include <vector>

#include "core/module.h"

namespace weft {

std::vector<std::unique_ptr<Module>> BuiltinModules();

}  // namespace weft
