// SPDX-License-Identifier: Apache-2.0
#include "core/config/checks.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "core/base/ids.h"
#include "core/base/text.h"
#include "core/config/suggest.h"

namespace weft {
namespace {

using Source = ConfigSources::Source;

template <typename T>
std::vector<std::string_view> NamesOf(const std::vector<T>& items) {
  std::vector<std::string_view> names;
  for (const T& item : items) names.push_back(item.name);
  return names;
}

// Names are well-formed and unique, and there are at most `most`. `what` is "port" or "bridge".
template <typename T>
void CheckNames(std::string_view what, size_t most, const std::vector<T>& items,
                const std::vector<Source>& sources) {
  std::map<std::string_view, size_t> first;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto& [table, place] = sources[i];
    const std::string& name = items[i].name;
    const SourceLocation where = table->WhereIs("name");
    // A name that is missing or no text has been reported.
    const Value::Member* key = table->Find("name");
    if (key == nullptr || key->value.text() == nullptr) continue;
    if (!IsValidName(name)) {
      place.Key("name").Error(where,
                              "must be 1 to 32 of a to z, 0 to 9, \".\", \"_\" and \"-\", and "
                              "begin with a letter or digit");
    } else if (const auto [other, added] = first.try_emplace(name, i); !added) {
      place.Key("name").Error(where, Cat("is taken by the ", what, " on line ",
                                         sources[other->second].table->where().line));
    }
  }
  if (items.size() > most) {
    const auto& [table, place] = sources[most];
    place.Error(table->where(),
                Cat("is one too many: at most ", most, " of [[", what, "]] are possible"));
  }
}

// Each address of a bridge belongs to one port: those of `mac` first, then the static entries.
class AddressCheck {
 public:
  explicit AddressCheck(const Config& config)
      : config_(config), port_names_(NamesOf(config.ports)) {}

  void CheckPort(const PortConfig& port, const Source& source) {
    if (!port.mac) return;
    const Place place = source.place.Key("mac");
    const SourceLocation where = source.table->WhereIs("mac");
    if (port.mac->is_zero() || port.mac->is_group()) {
      place.Error(
          where, Cat(port.mac->ToString(), " is ", port.mac->is_zero() ? "zero" : "a group address",
                     "; a port has an address of its own"));
    } else {
      Claim(port.bridge, *port.mac, port.name, where, place);
    }
  }

  void CheckBridge(const BridgeConfig& bridge, const Source& source) {
    for (size_t i = 0; i < bridge.static_entries.size(); ++i) {
      const Value& item = (*source.table->Find("static")->value.array())[i];
      CheckEntry(bridge, bridge.static_entries[i], item, source.place.Key("static").Item(i));
    }
  }

 private:
  // Entries and addresses that could not be read are empty here; they have been reported.
  void CheckEntry(const BridgeConfig& bridge, const StaticEntry& entry, const Value& item,
                  const Place& place) {
    if (entry.port.empty()) return;
    const PortConfig* port = config_.FindPort(entry.port);
    if (port == nullptr) {
      place.Key("port").Error(item.WhereIs("port"), Cat("there is no port ", Quoted(entry.port),
                                                        DidYouMean(entry.port, port_names_)));
    } else if (port->bridge != bridge.name) {
      place.Key("port").Error(item.WhereIs("port"), Cat("port ", Quoted(entry.port),
                                                        " is in bridge ", Quoted(port->bridge)));
    } else if (!entry.mac.is_zero() && !entry.mac.is_group()) {
      Claim(bridge.name, entry.mac, entry.port, item.WhereIs("mac"), place.Key("mac"));
    }
  }

  void Claim(const std::string& bridge, MacAddress mac, const std::string& port,
             SourceLocation where, const Place& place) {
    const auto [owner, added] = owners_.try_emplace({bridge, mac}, port);
    if (added || owner->second == port) return;
    place.Error(where, Cat(mac.ToString(), " belongs to port ", Quoted(owner->second),
                           " of the same bridge"));
  }

  const Config& config_;
  std::vector<std::string_view> port_names_;
  std::map<std::pair<std::string_view, MacAddress>, std::string_view> owners_;
};

}  // namespace

void CheckConfig(const Config& config, const ConfigSources& sources) {
  CheckNames("bridge", kMaxBridges, config.bridges, sources.bridges);
  CheckNames("port", kMaxPorts, config.ports, sources.ports);
  AddressCheck addresses(config);
  const std::vector<std::string_view> bridges = NamesOf(config.bridges);
  const bool all_named = !bridges.empty() && std::count(bridges.begin(), bridges.end(), "") == 0;
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const PortConfig& port = config.ports[i];
    const auto& [table, place] = sources.ports[i];
    // A bridge whose name could not be read may be the one; that has been reported.
    if (all_named && config.FindBridge(port.bridge) == nullptr) {
      place.Key("bridge").Error(
          table->WhereIs("bridge"),
          Cat("no [[bridge]] is named ", Quoted(port.bridge), DidYouMean(port.bridge, bridges)));
    }
    addresses.CheckPort(port, sources.ports[i]);
  }
  for (size_t i = 0; i < config.bridges.size(); ++i) {
    addresses.CheckBridge(config.bridges[i], sources.bridges[i]);
  }
}

}  // namespace weft
