// SPDX-License-Identifier: Apache-2.0
// What another configuration would change in the one that runs, field by field of the declared
// schemas. Nothing here changes anything; core/reload.h does. Control thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/labels.h"
#include "core/config/config.h"
#include "core/config/reader.h"

namespace weft {

struct ConfigAction {
  enum class Verb : uint8_t { kAdd, kChange, kReplace, kDelete };
  enum class Thing : uint8_t { kBridge, kPort, kLog, kPlugin, kNode };

  Verb verb;
  Thing thing;
  std::string name;          // of the bridge, the port, the plugin or the node
  std::string details = {};  // "mtu: 1500 -> 9000; mac-guard: added"
  bool rejoins = false;      // a changed port: its bridge or its addresses are others
  bool features = false;     // a changed port: its features are others

  // "port web-1", "bridge default", "plugin mac-guard", "node x", "[weft]".
  std::string What() const;
};

inline constexpr auto kConfigVerbs = Labels<ConfigAction::Verb>({
    {ConfigAction::Verb::kAdd, "add", "it is new"},
    {ConfigAction::Verb::kChange, "change", "in place; a port's container or NIC stays connected"},
    {ConfigAction::Verb::kReplace, "replace", "the port is deleted and added again"},
    {ConfigAction::Verb::kDelete, "delete", "it is not in the file"},
});

// From `running`, whose ports are those that are there whoever added them, to `wanted`. Empty if
// both say the same.
std::vector<ConfigAction> DiffConfigs(const Config& running, const Config& wanted);

// What of `wanted`, which `document` says, only a restart could change: an error for each key.
void CheckNeedsNoRestart(const Config& running, const Config& wanted, const Document& document,
                         Errors* errors);

}  // namespace weft
