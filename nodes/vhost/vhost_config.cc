// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/vhost_config.h"

#include "core/tenant/file_rights.h"

namespace weft::vhost {
namespace {

template <typename T>
void Report(const absl::StatusOr<T>& parsed, std::string_view key, const Value& table,
            const Place& place) {
  if (parsed.ok()) return;
  place.Key(key).Error(table.WhereIs(key), std::string(parsed.status().message()));
}

}  // namespace

void VhostConfig::Check(const Value& table, const Place& place) const {
  Report(UserOf(owner), "owner", table, place);
  Report(GroupOf(group), "group", table, place);
  Report(ModeOf(mode), "mode", table, place);
}

absl::StatusOr<EndpointOptions> EndpointOf(const VhostConfig& config,
                                           const std::string& default_path) {
  const absl::StatusOr<FileRights> rights =
      FileRights::From(config.owner, config.group, config.mode);
  if (!rights.ok()) return rights.status();
  return EndpointOptions{.connects = config.listen == Listener::kContainer,
                         .path = config.socket.empty() ? default_path : config.socket,
                         .own_directory = config.socket.empty(),
                         .rights = *rights};
}

}  // namespace weft::vhost
