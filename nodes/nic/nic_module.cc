// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/nic_module.h"

#include <string>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/base/text.h"
#include "nodes/nic/device.h"
#include "nodes/nic/dpdk_input.h"
#include "nodes/nic/eth_device.h"
#include "nodes/nic/nic_config.h"
#include "nodes/nic/nic_output.h"
#include "nodes/nic/nic_port.h"
#include "nodes/nic/numa.h"
#include "nodes/nic/preflight.h"

namespace weft::nic {
namespace {

absl::StatusOr<Device> DeviceOf(const PortConfig& port) {
  return Device::Parse(port.kind_config.As<NicConfig>().device);
}

// Whether the device is nothing but memory of processes, or a file: no interface, no hardware.
bool IsMemoryAlone(const Device& device) {
  return device.Is("net_null") || device.Is("net_ring") || device.Is("net_memif") ||
         (device.Is("net_pcap") && device.KernelInterface().empty());
}

// The devices of the file are known when EAL starts: it probes those on PCI and reserves memory.
void AddNeeds(const PortConfig& port, EalNeeds& needs) {
  const absl::StatusOr<Device> device = DeviceOf(port);
  if (!device.ok()) return;
  if (device->is_pci()) needs.pci_devices.push_back(device->ToString());
  if (!IsMemoryAlone(*device)) needs.network = true;
  const uint16_t queues = port.kind_config.As<NicConfig>().queues;
  needs.memory += PoolSize(*device, {.mtu = port.mtu, .queues = queues}).Bytes();
}

}  // namespace

void NicModule::Register(Registry& registry) {
  const ModuleServices services = registry.services();
  state_ = std::make_unique<NicState>(services.rcu, system_);
  NicState& state = *state_;
  registry.AddNode<DpdkInput>(
      [&state](WorkerId worker) { return std::make_unique<DpdkInput>(state.table(), worker); });
  registry.AddNode<NicOutput>([&state](WorkerId worker) {
    state.AddWorker();
    return std::make_unique<NicOutput>(state.table(), worker);
  });

  PortKind kind;
  kind.name = "dpdk";
  kind.help = "a NIC, or any other device of DPDK's";
  kind.schema = &SchemaOf<NicConfig>();
  kind.output = std::string(NicOutput::kSpec.name);
  kind.validate = CheckDevices;
  kind.eal_needs = AddNeeds;
  kind.preflight = [this](const PortConfig& port, const std::string&) -> absl::Status {
    const absl::StatusOr<Device> device = DeviceOf(port);
    if (!device.ok()) return device.status();
    absl::Status status = Preflight(*device, system_);
    const bool waits = port.kind_config.As<NicConfig>().wait && absl::IsUnavailable(status);
    return waits ? absl::OkStatus() : status;
  };
  kind.make = [&state, &loop = services.loop](
                  const PortRequest& request) -> absl::StatusOr<std::unique_ptr<PortBackend>> {
    absl::StatusOr<Device> device = DeviceOf(request.config);
    if (!device.ok()) return device.status();
    const NicConfig& config = request.config.kind_config.As<NicConfig>();
    NicPort::Options options{.id = request.id,
                             .workers = {request.worker},
                             .name = request.config.name,
                             .mtu = request.config.mtu,
                             .promiscuous = config.promiscuous,
                             .wait = config.wait,
                             .on_up = request.on_up,
                             .on_down = request.on_down};
    while (options.workers.size() < config.queues) options.workers.push_back(request.place_queue());
    return std::make_unique<NicPort>(state, loop, *std::move(device), std::move(options));
  };
  kind.facts = EthDevice::FactColumns();
  registry.AddPortKind(std::move(kind));
}

absl::Status NicModule::Configured(const Config& config) {
  const std::vector<uint16_t> cores = config.workers.cores.value_or(std::vector<uint16_t>());
  for (const PortConfig& port : config.ports) {
    if (port.kind != "dpdk") continue;
    const absl::StatusOr<Device> device = DeviceOf(port);
    if (!device.ok()) continue;
    const std::string far = FarCores(system_, *device, cores);
    if (!far.empty() && warned_.insert(far).second) LogWarning(Cat("port ", port.name, ": ", far));
  }
  return absl::OkStatus();
}

}  // namespace weft::nic
