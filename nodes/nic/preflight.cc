// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/preflight.h"

#include <linux/capability.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/numbers.h"
#include "core/base/text.h"
#include "core/config/suggest.h"

namespace weft::nic {
namespace {

namespace fs = std::filesystem;

// Virtual devices of DPDK that bring frames, by the names that EAL knows them by.
constexpr std::array<std::string_view, 11> kDrivers = {
    "net_af_packet", "net_af_xdp", "net_bonding", "net_failsafe", "net_memif",      "net_null",
    "net_pcap",      "net_ring",   "net_tap",     "net_vhost",    "net_virtio_user"};

// Kernel drivers that hand a device over, or (Mellanox's, Microsoft's) share it with DPDK.
constexpr std::array<std::string_view, 6> kUserDrivers = {"vfio-pci",  "uio_pci_generic", "igb_uio",
                                                          "mlx4_core", "mlx5_core",       "hv_pci"};

fs::path InterfacePath(const SystemView& system, std::string_view interface) {
  return fs::path(system.sysfs) / "class/net" / interface;
}

fs::path PciPath(const SystemView& system) { return fs::path(system.sysfs) / "bus/pci/devices"; }

// The first line of a small file; empty if it cannot be read.
std::string FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::vector<std::string> NamesIn(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsThere(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool IsNetwork(const fs::path& pci_device) {
  return FirstLine(pci_device / "class").starts_with("0x02");  // PCI class code: network
}

absl::Status CheckCapabilities(const Device& device, const SystemView& system) {
  std::vector<std::string> missing;
  const CapabilitySet has = system.capabilities ? *system.capabilities : CapabilitySet::Effective();
  const auto want = [&](int number, std::string_view name) {
    if (!has.Has(number)) missing.emplace_back(name);
  };
  want(CAP_NET_RAW, "CAP_NET_RAW");
  want(CAP_NET_ADMIN, "CAP_NET_ADMIN");
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(
      Cat("device ", device.name(), " needs ", Join(missing, " and "),
          ", which this process does not have: run weftd as root, or give it the right with ",
          "`setcap cap_net_raw,cap_net_admin+ep weftd`; a weftd that starts without NICs gives up ",
          "these rights unless [weft] keep-capabilities = [\"net-raw\", \"net-admin\"] says "
          "otherwise"));
}

absl::Status CheckInterface(const Device& device, const SystemView& system) {
  const std::string_view interface = device.KernelInterface();
  if (interface.empty() || IsThere(InterfacePath(system, interface))) return absl::OkStatus();
  return absl::UnavailableError(Cat("device ", device.name(), ": there is no network interface ",
                                    interface, ThereAre(KernelInterfaces(system))));
}

absl::Status CheckPci(const Device& device, const SystemView& system) {
  const fs::path path = PciPath(system) / device.name();
  if (!IsThere(path)) {
    return absl::UnavailableError(
        Cat("there is no PCI device ", device.name(),
            "; network devices on PCI:", ThereAre(NetworkPciDevices(system))));
  }
  if (!IsNetwork(path)) {
    return absl::InvalidArgumentError(
        Cat("PCI device ", device.name(),
            " is no network device; network devices on PCI:", ThereAre(NetworkPciDevices(system))));
  }
  std::error_code error;
  const std::string driver = fs::read_symlink(path / "driver", error).filename().string();
  if (std::find(kUserDrivers.begin(), kUserDrivers.end(), driver) != kUserDrivers.end()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      Cat("PCI device ", device.name(), " is bound to ",
          driver.empty() ? "no driver" : Cat("the kernel's driver ", driver),
          "; hand it to DPDK with `dpdk-devbind.py --bind=vfio-pci ", device.name(), "`"));
}

absl::Status CheckTap(const Device& device, const SystemView& system) {
  if (!IsThere(system.tun)) {
    return absl::NotFoundError(
        Cat("device ", device.name(), ": ", system.tun,
            " does not exist; load the kernel's module with `modprobe tun`"));
  }
  if (device.Argument("iface").size() >= IFNAMSIZ) {
    return absl::InvalidArgumentError(Cat("device ", device.name(), ": the interface name ",
                                          device.Argument("iface"), " is longer than ",
                                          IFNAMSIZ - 1, " characters"));
  }
  return absl::OkStatus();
}

absl::Status CheckPcap(const Device& device) {
  const std::string file(device.Argument("rx_pcap"));
  if (file.empty() || access(file.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::NotFoundError(
      Cat("device ", device.name(), ": the capture file ", file, " cannot be read"));
}

// A name that belongs to no driver that we know: most often an interface, or a slip of the finger.
absl::Status CheckUnknown(const Device& device, const SystemView& system) {
  if (IsThere(InterfacePath(system, device.name()))) {
    return absl::InvalidArgumentError(Cat(device.name(), " is an interface of the kernel; write ",
                                          "\"net_af_packet0,iface=", device.name(), "\""));
  }
  // Other drivers may come from `[dpdk] eal = ["-d", ...]`; DPDK will say.
  const std::string::size_type digits = device.name().find_last_not_of("0123456789") + 1;
  const std::string stem = device.name().substr(0, digits);
  const std::string hint =
      DidYouMean(stem, std::vector<std::string_view>(kDrivers.begin(), kDrivers.end()));
  if (hint.empty() && device.name().starts_with("net_")) return absl::OkStatus();
  return absl::NotFoundError(Cat("no driver makes a device ", device.name(), hint,
                                 "; virtual devices begin with ", Join(kDrivers, ", ")));
}

}  // namespace

absl::Status Preflight(const Device& device, const SystemView& system) {
  if (device.is_pci()) return CheckPci(device, system);
  const bool known = std::any_of(kDrivers.begin(), kDrivers.end(),
                                 [&](std::string_view driver) { return device.Is(driver); });
  if (!known) return CheckUnknown(device, system);
  if ((device.Is("net_af_packet") || device.Is("net_af_xdp")) && device.KernelInterface().empty()) {
    return absl::InvalidArgumentError(Cat("device ", device.name(), " needs an interface: \"",
                                          device.name(), ",iface=NAME\"",
                                          ThereAre(KernelInterfaces(system))));
  }
  if (absl::Status status = CheckInterface(device, system); !status.ok()) return status;
  if (device.Is("net_pcap")) {
    if (absl::Status status = CheckPcap(device); !status.ok()) return status;
  }
  if (device.Is("net_tap")) {
    if (absl::Status status = CheckTap(device, system); !status.ok()) return status;
  }
  if (device.Is("net_tap") || !device.KernelInterface().empty()) {
    return CheckCapabilities(device, system);
  }
  return absl::OkStatus();
}

absl::Status Carrier(const SystemView& system, std::string_view interface) {
  const fs::path path = InterfacePath(system, interface);
  if (!IsThere(path)) {
    return absl::UnavailableError(Cat("the interface ", interface, " is gone"));
  }
  // The kernel refuses to read it while the interface is switched off.
  const std::string carrier = FirstLine(path / "carrier");
  if (carrier == "1") return absl::OkStatus();
  if (carrier == "0") return absl::UnavailableError(Cat(interface, " has no carrier"));
  return absl::UnavailableError(
      Cat(interface, " is switched off; `ip link set ", interface, " up` switches it on"));
}

unsigned InterfaceIndex(const SystemView& system, std::string_view interface) {
  unsigned index = 0;
  return absl::SimpleAtoi(FirstLine(InterfacePath(system, interface) / "ifindex"), &index) ? index
                                                                                           : 0;
}

std::vector<std::string> KernelInterfaces(const SystemView& system) {
  std::vector<std::string> names = NamesIn(fs::path(system.sysfs) / "class/net");
  std::erase_if(names, [&](const std::string& name) {
    // Plain files there, such as bonding_masters, are no interfaces.
    return name == "lo" || !IsThere(InterfacePath(system, name) / "ifindex");
  });
  return names;
}

std::vector<std::string> NetworkPciDevices(const SystemView& system) {
  std::vector<std::string> names = NamesIn(PciPath(system));
  std::erase_if(names, [&](const std::string& name) { return !IsNetwork(PciPath(system) / name); });
  return names;
}

std::string ThereAre(const std::vector<std::string>& names) {
  return names.empty() ? " (there are none)" : Cat(" (there are: ", Join(names, ", "), ")");
}

}  // namespace weft::nic
