// SPDX-License-Identifier: Apache-2.0
// A port kind, a feature and a node as modules would bring them, for the tests of this room.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/config/reader.h"

namespace weft {

enum class Listener : uint8_t { kWeft, kContainer };
consteval auto LabelsOf(Listener) {
  return Labels<Listener>({{Listener::kWeft, "weft", "weft listens, containers connect"},
                           {Listener::kContainer, "container", "the container listens"}});
}

struct SampleVhost {
  Listener listen = Listener::kWeft;
  uint16_t queues = 1;
  std::string socket;
  std::optional<uint32_t> mode;

  static constexpr auto kFields =
      Fields(Field<&SampleVhost::listen>("listen", "who listens on the socket"),
             Field<&SampleVhost::queues>("queues", "queue pairs", Range{1, 8}),
             Field<&SampleVhost::socket>("socket", "path of the socket"),
             Field<&SampleVhost::mode>("mode", "permissions of the socket"));

  static void ValidateAll(std::span<const KindUse> ports) {
    std::map<std::string, std::string> owners;
    for (const KindUse& use : ports) {
      const std::string& socket = use.port->kind_config.As<SampleVhost>().socket;
      if (socket.empty()) continue;
      const auto [owner, added] = owners.emplace(socket, use.port->name);
      if (added) continue;
      use.place.Key("socket").Error(use.table->WhereIs("socket"),
                                    "is the socket of port \"" + owner->second + "\" too");
    }
  }
};

struct SampleDpdk {
  std::string device;
  uint16_t queues = 1;

  static constexpr auto kFields =
      Fields(Field<&SampleDpdk::device>("device", "a PCI address or a device string", Required{},
                                        NotEmpty{}),
             Field<&SampleDpdk::queues>("queues", "queue pairs", Range{1, 16}));
};

struct SampleGuard {
  std::optional<MacAddress> allow;

  static constexpr auto kFields =
      Fields(Field<&SampleGuard::allow>("allow", "the only source address that may pass"));
};

struct SampleSwitch {
  uint32_t entries = 65536;

  static constexpr auto kFields =
      Fields(Field<&SampleSwitch::entries>("entries", "size of the table", Range{1, 1'000'000}));
};

inline Schemas SampleSchemas() {
  Schemas schemas;
  schemas.kinds = {{"vhost", "A container.", &SchemaOf<SampleVhost>(), SampleVhost::ValidateAll},
                   {"dpdk", "A NIC.", &SchemaOf<SampleDpdk>()}};
  schemas.features = {{"mac-guard", "Drops spoofed frames.", &SchemaOf<SampleGuard>()}};
  schemas.nodes = {{"l2-switch", "Switches by address.", &SchemaOf<SampleSwitch>()}};
  return schemas;
}

// What reading `toml` as startup.conf reports.
inline std::vector<std::string> ErrorLines(const std::string& toml) {
  Errors errors("startup.conf");
  if (const auto document = Document::Parse(toml, &errors)) {
    ReadGlobals(*document, &errors);
    ReadAll(*document, SampleSchemas(), &errors);
  }
  return errors.Lines();
}

}  // namespace weft
