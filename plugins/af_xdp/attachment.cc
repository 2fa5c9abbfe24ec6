// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/attachment.h"

#include <string_view>

namespace weft::af_xdp {
namespace {

constexpr std::string_view kNames = "/run/netns/";  // of `ip netns`
constexpr uint32_t kUsualMtu = 1500;                // a veth's, if nothing else is said

// What `ip` is called by where the outer end is.
std::string IpThere(const AfXdpConfig& config) {
  const std::string path = config.NetnsPath();
  if (path.empty()) return "ip";
  if (path.starts_with(kNames)) return Cat("ip -n ", path.substr(kNames.size()));
  return Cat("nsenter --net=", path, " ip");
}

}  // namespace

std::vector<Column> AttachmentColumns() {
  return {{"namespace", "makes the container's network namespace"},
          {"veth", "makes the pair: the container's eth0 there, the port's interface at weft"},
          {"inside", "sets the container's end up; its address is the container's own business"},
          {"outside", "sets weft's end up"},
          {"podman", "the argument that gives podman's or docker's container that namespace"}};
}

std::vector<PortFact> Attachment(const std::string& port, const std::optional<MacAddress>& mac,
                                 uint32_t mtu, const AfXdpConfig& config) {
  const std::string ip = IpThere(config);
  const std::string size = mtu == kUsualMtu ? std::string() : Cat(" mtu ", mtu);
  const std::string address = mac ? Cat(" address ", mac->ToString()) : std::string();
  return {{"namespace", Cat("ip netns add ", port)},
          {"veth", Cat(ip, " link add ", config.interface, size, " type veth peer name eth0", size,
                       address, " netns ", port)},
          {"inside", Cat("ip -n ", port, " link set eth0 up")},
          {"outside", Cat(ip, " link set ", config.interface, " up")},
          {"podman", Cat("--network=ns:", kNames, port)}};
}

}  // namespace weft::af_xdp
