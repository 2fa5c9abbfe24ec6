// SPDX-License-Identifier: Apache-2.0
// What startup.conf says of a port of this kind: `memif = { role = "server", ... }`.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "core/sdk/tenant.h"
#include "core/sdk/weft.h"

namespace weft::memif {

enum class Role : uint8_t { kServer, kClient };
consteval auto LabelsOf(Role) {
  return Labels<Role>({
      {Role::kServer, "server", "weft listens on the socket; the memory is the peer's"},
      {Role::kClient, "client", "weft connects, again and again; the memory is weft's"},
  });
}

struct MemifConfig {
  Role role = Role::kServer;
  uint32_t id = 0;
  uint16_t queues = 1;
  uint16_t ring_size = 1024;
  uint16_t buffer_size = 2048;
  std::string secret;
  std::string socket;
  std::string owner;
  std::string group;
  std::string mode = "0660";
  uint32_t memory_limit = 65536;

  static constexpr auto kFields = Fields(
      Field<&MemifConfig::role>("role", "which end weft is: server or client"),
      Field<&MemifConfig::id>("id", "number of the interface; both ends must say the same"),
      Field<&MemifConfig::queues>("queues", "rings in each direction, at most", Range{1, 8}),
      Field<&MemifConfig::ring_size>(
          "ring-size", "descriptors of a ring, a power of two; as a client", Range{8, 4096}),
      Field<&MemifConfig::buffer_size>(
          "buffer-size", "bytes of a buffer, a multiple of 64; as a client", Range{128, 16384}),
      Field<&MemifConfig::secret>("secret",
                                  "what both ends must know, at most 23 bytes; empty: nothing"),
      Field<&MemifConfig::socket>(
          "socket", "path of the socket; empty: ports/<name>/memif.sock in runtime-dir"),
      Field<&MemifConfig::owner>(
          "owner", "user (name or number) who owns socket and directory; empty: ours"),
      Field<&MemifConfig::group>("group",
                                 "group (name or number) of socket and directory; empty: ours"),
      Field<&MemifConfig::mode>("mode", "permissions of the socket, octal"),
      Field<&MemifConfig::memory_limit>("memory-limit",
                                        "how much memory the peer may share, in MiB; as a server",
                                        Range{1, 1 << 24}));

  // What no single key can see: a size that is no power of two, rights that mean nothing.
  void Check(const Value& table, const Place& place) const;
};

// Where the port's connections come from; `default_path` is used if the config names no socket.
absl::StatusOr<EndpointOptions> EndpointOf(const MemifConfig& config,
                                           const std::string& default_path);

}  // namespace weft::memif
