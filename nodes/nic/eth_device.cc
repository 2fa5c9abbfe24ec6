// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/eth_device.h"

#include <net/if.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/base/mac_address.h"
#include "core/base/text.h"
#include "core/base/unique_fd.h"

namespace weft::nic {
namespace {

// What may tell flows apart: addresses, and ports where there are any.
constexpr uint64_t kHashed = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

// " (DPDK has: net_ring0, net_null0)"
std::string DevicesThatAreThere() {
  std::vector<std::string> names;
  for (uint16_t number = 0; number < RTE_MAX_ETHPORTS; ++number) {
    char name[RTE_ETH_NAME_MAX_LEN];
    if (rte_eth_dev_get_name_by_port(number, name) == 0) names.emplace_back(name);
  }
  return names.empty() ? " (DPDK has no device yet)" : Cat(" (DPDK has: ", Join(names, ", "), ")");
}

// What the device counts itself and has counted: its "rx_good_packets" is device-rx-good-packets.
void AddCounters(uint16_t number, std::vector<PortFact>& facts) {
  const int count = rte_eth_xstats_get_names(number, nullptr, 0);
  if (count <= 0) return;
  std::vector<rte_eth_xstat_name> names(static_cast<size_t>(count));
  std::vector<rte_eth_xstat> values(names.size());
  const auto size = static_cast<unsigned>(count);
  if (rte_eth_xstats_get_names(number, names.data(), size) != count ||
      rte_eth_xstats_get(number, values.data(), size) != count) {
    return;
  }
  for (const rte_eth_xstat& xstat : values) {
    if (xstat.value == 0 || xstat.id >= names.size()) continue;
    std::string name = Cat("device-", names[xstat.id].name);
    std::replace(name.begin(), name.end(), '_', '-');
    facts.push_back({std::move(name), xstat.value});
  }
}

// A TAP's queue is a descriptor of ours that can be read while frames wait, so nothing has to be
// armed and no wake-up can be lost. Of the other virtual devices in DPDK 22.11 that we know,
// net_af_packet, net_af_xdp, net_memif, net_null, net_pcap and net_ring have none.
bool HasWakeFds(const Device& device) { return device.Is("net_tap"); }

// 0, or a negative errno.
int SetInterfaceMtu(const std::string& interface, uint16_t mtu) {
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_mtu = mtu;
  return ioctl(any.get(), SIOCSIFMTU, &request) == 0 ? 0 : -errno;
}

}  // namespace

absl::StatusOr<std::shared_ptr<EthDevice>> EthDevice::Open(const Device& device,
                                                           const DeviceSettings& settings,
                                                           std::shared_ptr<MbufPools> pools,
                                                           OnEvent on_event) {
  std::shared_ptr<EthDevice> made(
      new EthDevice(device, settings, std::move(pools), std::move(on_event)));
  if (absl::Status status = made->Find(); !status.ok()) return status;
  if (absl::Status status = made->Start(); !status.ok()) return status;
  return made;
}

EthDevice::~EthDevice() {
  events_.Stop();
  if (started_) {
    // The kernel's interface outlives the device, and would stay so.
    if (settings_.promiscuous && !interface_.empty()) rte_eth_promiscuous_disable(number_);
    rte_eth_dev_stop(number_);
  }
  if (plugged_) Unplug();
  if (pool_ != nullptr) pools_->Retire(pool_);
}

// An ethdev of that name, which EAL was told to make, or a new one. Only what we plug in is
// unplugged again: a device of EAL's is stopped, for the next port that names it.
absl::Status EthDevice::Find() {
  if (rte_eth_dev_get_port_by_name(device_.name().c_str(), &number_) == 0) {
    found_ = true;
    return absl::OkStatus();
  }
  if (device_.is_pci() && rte_eal_has_pci() == 0) {
    return absl::FailedPreconditionError(
        Cat("device ", device_.name(), ": DPDK was started without PCI, because no port named a ",
            "PCI device then; restart weftd"));
  }
  if (const int error = rte_dev_probe(PlugText(device_, settings_).c_str()); error < 0) {
    return absl::UnavailableError(Cat("DPDK cannot make the device ", device_.ToString(), ": ",
                                      rte_strerror(-error), DevicesThatAreThere(),
                                      "; is its driver installed (Debian: librte-net-*), and are ",
                                      "its arguments right?"));
  }
  plugged_ = true;
  if (rte_eth_dev_get_port_by_name(device_.name().c_str(), &number_) != 0) {
    return absl::NotFoundError(Cat("device ", device_.ToString(),
                                   " was made but brings no network port", DevicesThatAreThere()));
  }
  found_ = true;
  return absl::OkStatus();
}

absl::Status EthDevice::Start() {
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(number_, &info); error != 0) {
    return Failed("tell about itself", error);
  }
  char interface[IF_NAMESIZE];
  if (info.if_index != 0 && if_indextoname(info.if_index, interface) != nullptr) {
    interface_ = interface;
    interface_index_ = info.if_index;
  }
  if (absl::Status status = Configure(info); !status.ok()) return status;
  if (absl::Status status = SetUpQueues(); !status.ok()) return status;
  SetMtu();
  events_.Listen(number_);
  if (const int error = rte_eth_dev_start(number_); error != 0) return Failed("start", error);
  started_ = true;
  SetFilters();
  FindWakeFds();
  return absl::OkStatus();
}

void EthDevice::FindWakeFds() {
  if (!HasWakeFds(device_)) return;
  for (uint16_t queue = 0; queue < settings_.queues; ++queue) {
    wake_fds_.push_back(rte_eth_dev_rx_intr_ctl_q_get_fd(number_, queue));
  }
}

void EthDevice::SetMtu() {
  int error = rte_eth_dev_set_mtu(number_, settings_.mtu);
  // ethdev asks no driver that admits to 1500 for more; net_af_packet's carries what fits its
  // slots.
  if (error == -EINVAL && device_.Is("net_af_packet") && SlotsHoldFrames(device_, settings_)) {
    error = SetInterfaceMtu(interface_, settings_.mtu);
  }
  if (error == 0 || error == -ENOTSUP) return;
  warnings_.push_back(
      Cat("the device keeps its own MTU, ", settings_.mtu, " was refused: ", rte_strerror(-error)));
}

// A switch needs each frame as it was sent. What a driver refuses it may do all the same (-ENOTSUP
// of a ring), so that is no more than said.
void EthDevice::SetFilters() {
  const int promiscuous = settings_.promiscuous ? rte_eth_promiscuous_enable(number_)
                                                : rte_eth_promiscuous_disable(number_);
  if (promiscuous != 0 && promiscuous != -ENOTSUP) {
    warnings_.push_back(settings_.promiscuous
                            ? Cat("not promiscuous, so frames for addresses behind the switch may ",
                                  "not come in: ", rte_strerror(-promiscuous))
                            : Cat("still promiscuous: ", rte_strerror(-promiscuous)));
  }
  if (const int error = rte_eth_allmulticast_enable(number_); error != 0 && error != -ENOTSUP) {
    warnings_.push_back(Cat("multicasts may not come in: ", rte_strerror(-error)));
  }
  rte_eth_dev_set_vlan_offload(number_, 0);
  if (rte_eth_dev_get_vlan_offload(number_) > 0) {
    warnings_.push_back("the device strips or filters VLAN tags, and does not stop it");
  }
}

absl::Status EthDevice::Configure(const rte_eth_dev_info& info) {
  const uint16_t queues = settings_.queues;
  if (queues > info.max_rx_queues) {
    return absl::InvalidArgumentError(
        Cat("queues = ", queues, ", but ", device_.name(), " offers ", info.max_rx_queues));
  }
  rte_eth_conf config{};
  // What the hardware must take; devices of software often admit to 1500 and take more.
  const uint32_t longest = info.max_rx_pktlen > kOverhead ? info.max_rx_pktlen - kOverhead + 4 : 0;
  config.rxmode.mtu = static_cast<uint16_t>(
      std::min<uint32_t>({settings_.mtu, info.max_mtu, std::max(longest, 68U)}));
  if (info.min_mtu > config.rxmode.mtu) config.rxmode.mtu = info.min_mtu;
  config.rxmode.offloads = 0;  // nothing that changes what comes in: no VLAN stripping, no LRO
  config.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
  config.intr_conf.lsc = (*info.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0 ? 1 : 0;
  config.intr_conf.rxq = HasWakeFds(device_) ? 1 : 0;
  config.intr_conf.rmv = (*info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0 ? 1 : 0;
  // A virtual device's other end spreads the frames; hardware has to be told.
  const uint64_t hashed = info.flow_type_rss_offloads & kHashed;
  if (queues > 1 && hashed != 0) {
    config.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    config.rx_adv_conf.rss_conf.rss_hf = hashed;
  } else if (queues > 1 && device_.is_pci()) {
    warnings_.push_back("the device cannot hash (RSS), so all frames may come in on one queue");
  }
  transmit_queue_count_ = TransmitQueues(device_, settings_, info.max_tx_queues);
  if (const int error = rte_eth_dev_configure(number_, queues, transmit_queue_count_, &config);
      error != 0) {
    return Failed(Cat("be configured with ", queues, " receive and ", transmit_queue_count_,
                      " transmit queues"),
                  error);
  }
  return absl::OkStatus();
}

absl::Status EthDevice::SetUpQueues() {
  receive_descriptors_ = transmit_descriptors_ =
      device_.is_pci() ? kPciDescriptors : kVirtualDescriptors;
  if (const int error =
          rte_eth_dev_adjust_nb_rx_tx_desc(number_, &receive_descriptors_, &transmit_descriptors_);
      error != 0) {
    return Failed("say how long its rings may be", error);
  }
  const int socket = rte_eth_dev_socket_id(number_);
  MbufPools::Size size = PoolSize(device_, settings_);
  size.buffers = std::max<uint32_t>(
      size.buffers, settings_.queues * uint32_t{receive_descriptors_} +
                        transmit_queue_count_ * uint32_t{transmit_descriptors_} + kInFlight - 1);
  absl::StatusOr<rte_mempool*> pool = pools_->Make(size, socket);
  if (!pool.ok()) {
    return absl::Status(pool.status().code(),
                        Cat("device ", device_.name(), ": ", MessageOf(pool.status())));
  }
  pool_ = *pool;
  const auto node = static_cast<unsigned>(socket);
  for (uint16_t queue = 0; queue < settings_.queues; ++queue) {
    if (const int error =
            rte_eth_rx_queue_setup(number_, queue, receive_descriptors_, node, nullptr, pool_);
        error != 0) {
      return Failed(Cat("set up receive queue ", queue), error);
    }
  }
  transmit_queues_ = std::make_unique<TransmitQueue[]>(transmit_queue_count_);
  for (uint16_t queue = 0; queue < transmit_queue_count_; ++queue) {
    transmit_queues_[queue].number = queue;
    if (const int error =
            rte_eth_tx_queue_setup(number_, queue, transmit_descriptors_, node, nullptr);
        error != 0) {
      return Failed(Cat("set up transmit queue ", queue), error);
    }
  }
  return absl::OkStatus();
}

void EthDevice::Unplug() {
  if (found_) rte_eth_dev_close(number_);
  rte_eal_hotplug_remove(device_.is_pci() ? "pci" : "vdev", device_.name().c_str());
}

absl::Status EthDevice::Failed(std::string_view step, int error) const {
  return absl::UnavailableError(
      Cat("device ", device_.name(), " cannot ", step, ": ", rte_strerror(-error)));
}

bool EthDevice::removed() const {
  return events_.removed() || rte_eth_dev_is_removed(number_) == 1;
}

EthDevice::Link EthDevice::link() const {
  rte_eth_link link{};
  if (const int error = rte_eth_link_get_nowait(number_, &link); error != 0) {
    return {.up = error == -ENOTSUP};
  }
  const bool known = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  return {.up = link.link_status == RTE_ETH_LINK_UP, .mbps = known ? link.link_speed : 0};
}

std::vector<Column> EthDevice::FactColumns() {
  const auto count = [](std::string name, std::string help) {
    return Column{std::move(name), std::move(help), CellKind::kCount};
  };
  return {{"device", "the device, as DPDK is told of it"},
          {"driver", "the driver that drives it"},
          {"mac", "the device's own address"},
          {"link", "up or down", CellKind::kState},
          count("link-mbps", "speed of the link, where the driver knows it"),
          count("device-mtu", "the MTU that the device has"),
          count("queues", "queue pairs, or receive queues of a NIC"),
          count("tx-queues", "transmit queues"),
          count("rx-descriptors", "of each receive queue"),
          count("tx-descriptors", "of each transmit queue")};
}

std::vector<PortFact> EthDevice::Facts() const {
  std::vector<PortFact> facts{{"device", device_.ToString()}};
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(number_, &info) == 0 && info.driver_name != nullptr) {
    facts.push_back({"driver", std::string(info.driver_name)});
  }
  rte_ether_addr mac{};
  if (rte_eth_macaddr_get(number_, &mac) == 0) {
    std::array<uint8_t, 6> octets;
    std::copy_n(mac.addr_bytes, octets.size(), octets.begin());
    facts.push_back({"mac", MacAddress(octets).ToString()});
  }
  const Link now = link();
  facts.push_back({"link", std::string(now.up ? "up" : "down")});
  if (now.mbps != 0) facts.push_back({"link-mbps", now.mbps});
  uint16_t mtu = 0;
  if (rte_eth_dev_get_mtu(number_, &mtu) == 0) facts.push_back({"device-mtu", uint64_t{mtu}});
  facts.push_back({"queues", uint64_t{settings_.queues}});
  facts.push_back({"tx-queues", uint64_t{transmit_queue_count_}});
  facts.push_back({"rx-descriptors", uint64_t{receive_descriptors_}});
  facts.push_back({"tx-descriptors", uint64_t{transmit_descriptors_}});
  AddCounters(number_, facts);
  return facts;
}

}  // namespace weft::nic
