// SPDX-License-Identifier: Apache-2.0
#include "core/config/metrics_config.h"

#include "core/base/inet_address.h"
#include "core/base/text.h"
#include "core/base/unix_socket.h"

namespace weft {

namespace {

constexpr std::string_view kUnix = "unix:";

}  // namespace

std::optional<std::string> MetricsConfig::SocketPath() const {
  if (!listen || !listen->starts_with(kUnix)) return std::nullopt;
  return listen->substr(kUnix.size());
}

void MetricsConfig::Check(const Value& table, const Place& place) const {
  if (!listen || InetAddress::Parse(*listen)) return;
  if (const std::optional<std::string> path = SocketPath()) {
    const absl::Status status = CheckSocketPath(*path);
    if (status.ok() && path->starts_with('/')) return;
    place.Key("listen").Error(
        table.WhereIs("listen"),
        status.ok() ? Cat(Quoted(*path), " does not begin with a slash") : MessageOf(status));
    return;
  }
  place.Key("listen").Error(
      table.WhereIs("listen"),
      Cat(Quoted(*listen),
          " is no IP address with a port; write one like \"127.0.0.1:9464\" or "
          "\"[::1]:9464\", or \"unix:/PATH\""));
}

}  // namespace weft
