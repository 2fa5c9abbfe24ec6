// SPDX-License-Identifier: Apache-2.0
#include "core/config/metrics_config.h"

#include "core/base/inet_address.h"
#include "core/base/text.h"

namespace weft {

void MetricsConfig::Check(const Value& table, const Place& place) const {
  if (!listen || InetAddress::Parse(*listen)) return;
  place.Key("listen").Error(
      table.WhereIs("listen"),
      Cat(Quoted(*listen),
          " is no IP address with a port; write one like \"127.0.0.1:9464\" or "
          "\"[::1]:9464\""));
}

}  // namespace weft
