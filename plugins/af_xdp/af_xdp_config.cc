// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/af_xdp_config.h"

#include <net/if.h>

#include <map>
#include <string_view>
#include <utility>

#include "plugins/af_xdp/umem_layout.h"

namespace weft::af_xdp {

void AfXdpConfig::Check(const Value& table, const Place& place) const {
  // As the kernel's dev_valid_name() has it.
  if (interface.size() >= IFNAMSIZ || interface == "." || interface == ".." ||
      interface.find_first_of("/: \t\n\v\f\r") != std::string::npos) {
    place.Key("interface")
        .Error(table.WhereIs("interface"), Cat(Quoted(interface), " names no interface"));
  }
  if (netns && netns->front() != '/' && netns->find('/') != std::string::npos) {
    place.Key("netns").Error(table.WhereIs("netns"),
                             Cat(Quoted(*netns), " is neither a name nor a whole path"));
  }
}

std::string AfXdpConfig::NetnsPath() const {
  if (!netns) return {};
  return netns->front() == '/' ? *netns : Cat("/run/netns/", *netns);
}

void CheckPorts(std::span<const KindUse> ports) {
  std::map<std::pair<std::string, std::string>, std::string_view> seen;
  for (const KindUse& use : ports) {
    const AfXdpConfig& config = use.port->kind_config.As<AfXdpConfig>();
    const Place place = use.place.Key("interface");
    const SourceLocation where = use.table->WhereIs("interface");
    if (use.port->mtu > kMaxMtu) {
      place.Error(where,
                  Cat("frames of the port's mtu ", use.port->mtu,
                      " are longer than AF_XDP takes in one piece; it may be up to ", kMaxMtu));
    }
    const auto [other, is_new] =
        seen.try_emplace({config.NetnsPath(), config.interface}, use.port->name);
    if (is_new) continue;
    place.Error(where,
                Cat(Quoted(config.interface), " is the interface of port ", Quoted(other->second),
                    " already; each port needs an interface of its own"));
  }
}

}  // namespace weft::af_xdp
