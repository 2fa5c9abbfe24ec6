// SPDX-License-Identifier: Apache-2.0
#include "core/config/config.h"

#include <algorithm>
#include <set>

#include "core/base/ids.h"
#include "core/base/text.h"
#include "core/sandbox/capabilities.h"

namespace weft {
namespace {

template <typename T>
const T* FindNamed(const std::vector<T>& items, std::string_view name) {
  const auto found =
      std::find_if(items.begin(), items.end(), [name](const T& item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

// The place of item `index` of the list `key`.
SourceLocation WhereItem(const Value& table, std::string_view key, size_t index) {
  return (*table.Find(key)->value.array())[index].where();
}

}  // namespace

void WeftConfig::Check(const Value& table, const Place& place) const {
  for (size_t i = 0; i < keep_capabilities.size(); ++i) {
    if (CapabilitySet::NumberOf(keep_capabilities[i])) continue;
    place.Key("keep-capabilities")
        .Error(WhereItem(table, "keep-capabilities", i),
               Cat(Quoted(keep_capabilities[i]),
                   " is no capability; write it as capabilities(7) does, in lower case and without "
                   "CAP_, like \"net-raw\""));
  }
}

void WorkersConfig::Check(const Value& table, const Place& place) const {
  if (!cores) return;
  if (cores->empty()) {
    place.Key("cores").Error(table.WhereIs("cores"),
                             "needs at least one core; without this key weft chooses one");
  }
  if (cores->size() > kMaxWorkers) {
    place.Key("cores").Error(WhereItem(table, "cores", kMaxWorkers),
                             Cat("more than ", kMaxWorkers, " workers"));
  }
  std::set<uint16_t> seen;
  for (size_t i = 0; i < cores->size(); ++i) {
    if (seen.insert((*cores)[i]).second) continue;
    place.Key("cores").Error(WhereItem(table, "cores", i),
                             Cat("core ", (*cores)[i], " is named twice"));
  }
}

OnFault PluginsConfig::OnFaultOf(std::string_view plugin) const {
  const auto rule = std::find_if(but.begin(), but.end(),
                                 [&](const FaultRule& other) { return other.plugin == plugin; });
  return rule == but.end() ? on_fault : rule->on_fault;
}

void PluginsConfig::Check(const Value& table, const Place& place) const {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < load.size(); ++i) {
    const SourceLocation where = WhereItem(table, "load", i);
    if (!IsValidName(load[i])) {
      place.Key("load").Error(
          where, Cat(Quoted(load[i]),
                     " is no plugin's name; write it without directory and \".so\", like "
                     "\"mac-guard\""));
    } else if (!seen.insert(load[i]).second) {
      place.Key("load").Error(where, Cat("plugin ", Quoted(load[i]), " is named twice"));
    }
  }
  std::set<std::string_view> ruled;
  for (size_t i = 0; i < but.size(); ++i) {
    if (but[i].plugin.empty() || ruled.insert(but[i].plugin).second) continue;
    const Value& rule = (*table.Find("but")->value.array())[i];
    place.Key("but").Item(i).Key("plugin").Error(
        rule.WhereIs("plugin"), Cat("plugin ", Quoted(but[i].plugin), " has a rule already"));
  }
}

void StaticEntry::Check(const Value& table, const Place& place) const {
  if (mac.is_group() || mac.is_zero()) {
    place.Key("mac").Error(table.WhereIs("mac"),
                           Cat(mac.ToString(), " is ", mac.is_zero() ? "zero" : "a group address",
                               "; a port has an address of its own"));
  }
}

bool operator==(const BridgeConfig& a, const BridgeConfig& b) {
  return SchemaOf<BridgeConfig>().Equal(&a, &b);
}

bool operator==(const PortConfig& a, const PortConfig& b) {
  return SchemaOf<PortConfig>().Equal(&a, &b) && a.kind == b.kind &&
         a.kind_config == b.kind_config && a.features == b.features;
}

const PortConfig* Config::FindPort(std::string_view name) const { return FindNamed(ports, name); }

const BridgeConfig* Config::FindBridge(std::string_view name) const {
  return FindNamed(bridges, name);
}

bool IsValidName(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 32 && alphanumeric(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace weft
