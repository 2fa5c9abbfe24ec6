// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/tap_config.h"

#include <net/if.h>

#include <algorithm>
#include <map>
#include <utility>

namespace weft::tap {
namespace {

// As the kernel's dev_valid_name has it (net/core/dev.c). "%" would ask for a number.
bool IsInterfaceName(std::string_view name) {
  return name.size() < IFNAMSIZ && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '%' && c != '"';
         });
}

bool IsNetns(std::string_view text) {
  if (text.empty() || text.front() == '/') return true;
  return text.find('/') == std::string_view::npos && text != "." && text != "..";
}

}  // namespace

void TapConfig::Check(const Value& table, const Place& place) const {
  if (!IsInterfaceName(interface)) {
    place.Key("interface")
        .Error(table.WhereIs("interface"),
               Cat("no interface can have this name: it has at most ", IFNAMSIZ - 1,
                   " characters, without space, \"/\", \":\" and \"%\""));
  }
  if (!IsNetns(netns)) {
    place.Key("netns").Error(table.WhereIs("netns"),
                             "is neither a name of `ip netns` nor a path that begins with \"/\"");
  }
}

std::string TapConfig::NetnsPath() const {
  if (netns.empty() || netns.front() == '/') return netns;
  return Cat("/run/netns/", netns);  // ip-netns(8)
}

void CheckTaps(std::span<const KindUse> ports) {
  std::map<std::pair<std::string, std::string>, const KindUse*> seen;
  for (const KindUse& use : ports) {
    const TapConfig& config = use.port->kind_config.As<TapConfig>();
    const auto [other, is_new] = seen.try_emplace({config.NetnsPath(), config.interface}, &use);
    if (is_new) continue;
    use.place.Key("interface")
        .Error(use.table->WhereIs("interface"),
               Cat("\"", config.interface, "\" is the interface of port \"",
                   other->second->port->name, "\" in this namespace already"));
  }
}

}  // namespace weft::tap
