// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/memif_config.h"

#include <sys/socket.h>

#include <bit>

#include "plugins/memif/protocol.h"

namespace weft::memif {
namespace {

template <typename T>
void Report(const absl::StatusOr<T>& parsed, std::string_view key, const Value& table,
            const Place& place) {
  if (parsed.ok()) return;
  place.Key(key).Error(table.WhereIs(key), MessageOf(parsed.status()));
}

}  // namespace

void MemifConfig::Check(const Value& table, const Place& place) const {
  Report(UserOf(owner), "owner", table, place);
  Report(GroupOf(group), "group", table, place);
  Report(ModeOf(mode), "mode", table, place);
  if (!std::has_single_bit(ring_size)) {
    place.Key("ring-size").Error(table.WhereIs("ring-size"), "must be a power of two");
  }
  if (buffer_size % 64 != 0) {
    place.Key("buffer-size").Error(table.WhereIs("buffer-size"), "must be a multiple of 64");
  }
  if (secret.size() >= kSecretLength) {
    place.Key("secret").Error(table.WhereIs("secret"), "may have at most 23 bytes");
  }
}

absl::StatusOr<EndpointOptions> EndpointOf(const MemifConfig& config,
                                           const std::string& default_path) {
  const absl::StatusOr<FileRights> rights =
      FileRights::From(config.owner, config.group, config.mode);
  if (!rights.ok()) return rights.status();
  return EndpointOptions{.connects = config.role == Role::kClient,
                         .type = SOCK_SEQPACKET,
                         .path = config.socket.empty() ? default_path : config.socket,
                         .own_directory = config.socket.empty(),
                         .rights = *rights};
}

}  // namespace weft::memif
