// SPDX-License-Identifier: Apache-2.0
// The section [metrics] of startup.conf: where Prometheus fetches what weftd counts. Only main.cc
// and a reload need it, so it is not in config.h. Control thread.
#pragma once

#include <optional>
#include <string>

#include "core/config/reader.h"
#include "core/config/schema.h"

namespace weft {

struct MetricsConfig {
  std::optional<std::string> listen;  // as InetAddress has it, or "unix:/PATH"

  static constexpr auto kFields = Fields(Field<&MetricsConfig::listen>(
      "listen",
      "address and port that answer GET /metrics, \"127.0.0.1:9464\" or \"[::1]:9464\", or a "
      "UNIX socket, \"unix:/run/weft/metrics.sock\"; without it nobody does"));
  // The path of the UNIX socket, if it is one.
  std::optional<std::string> SocketPath() const;
  void Check(const Value& table, const Place& place) const;
};

// Defaults for what is missing or wrong. ReadAll reports the same errors.
MetricsConfig ReadMetrics(const Document& document, Errors* errors);

// See diff.h: the same for this section.
void CheckNeedsNoRestart(const MetricsConfig& running, const MetricsConfig& wanted,
                         const Document& document, Errors* errors);

}  // namespace weft
