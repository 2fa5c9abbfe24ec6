// SPDX-License-Identifier: Apache-2.0
// What startup.conf says of a container's port: `vhost = { listen = "weft", ... }`.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "core/base/labels.h"
#include "core/config/schema.h"
#include "core/tenant/endpoint.h"

namespace weft::vhost {

enum class Listener : uint8_t { kWeft, kContainer };
consteval auto LabelsOf(Listener) {
  return Labels<Listener>({
      {Listener::kWeft, "weft", "weft listens on the socket and the container connects"},
      {Listener::kContainer, "container", "the container listens; weft connects, again and again"},
  });
}

struct VhostConfig {
  Listener listen = Listener::kWeft;
  uint16_t queues = 1;
  std::string socket;
  std::string owner;
  std::string group;
  std::string mode = "0660";
  uint32_t memory_limit = 65536;
  bool offload = false;

  static constexpr auto kFields = Fields(
      Field<&VhostConfig::listen>("listen", "who listens on the socket: weft or container"),
      Field<&VhostConfig::queues>("queues", "queue pairs that the container may use", Range{1, 8}),
      Field<&VhostConfig::socket>(
          "socket", "path of the socket; empty: ports/<name>/vhost.sock in runtime-dir"),
      Field<&VhostConfig::owner>(
          "owner", "user (name or number) who owns socket and directory; empty: ours"),
      Field<&VhostConfig::group>("group",
                                 "group (name or number) of socket and directory; empty: ours"),
      Field<&VhostConfig::mode>("mode", "permissions of the socket, octal"),
      Field<&VhostConfig::memory_limit>(
          "memory-limit", "how much memory the container may share, in MiB", Range{1, 1 << 24}),
      Field<&VhostConfig::offload>(
          "offload",
          "offer to take and to hand on checksums and TCP segments that are left to be made"));

  // owner, group and mode that mean nothing.
  void Check(const Value& table, const Place& place) const;
};

// Where the port's connections come from; `default_path` is used if the config names no socket.
absl::StatusOr<EndpointOptions> EndpointOf(const VhostConfig& config,
                                           const std::string& default_path);

}  // namespace weft::vhost
