// SPDX-License-Identifier: Apache-2.0
#include "core/base/in_plugin.h"

#include <utility>

namespace weft {
namespace {

// A signal handler has no `this`.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
constinit thread_local const InPlugin* here = nullptr;

}  // namespace

InPlugin::InPlugin(const std::string& plugin, const char* doing)
    : plugin_(plugin), doing_(doing), outer_(std::exchange(here, this)) {}

InPlugin::~InPlugin() { here = outer_; }

const InPlugin* InPlugin::Here() { return here; }

}  // namespace weft
