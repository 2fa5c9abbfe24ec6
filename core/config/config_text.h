// SPDX-License-Identifier: Apache-2.0
// A Config as the startup.conf that says it, made from the declared schemas. Read again it gives an
// equal Config. Control thread.
#pragma once

#include <string>

#include "core/config/config.h"
#include "core/config/metrics_config.h"

namespace weft {

enum class ShowDefaults : uint8_t { kNo, kAsComments };

std::string ConfigText(const Config& config, const MetricsConfig& metrics, ShowDefaults defaults);

}  // namespace weft
