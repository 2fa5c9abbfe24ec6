// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/numa.h"

#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "core/base/text.h"

namespace weft::nic {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::optional<unsigned> NodeOfDevice(const SystemView& system, const Device& device) {
  const fs::path sysfs(system.sysfs);
  const fs::path path = device.is_pci() ? sysfs / "bus/pci/devices" / device.name()
                                        : sysfs / "class/net" / device.KernelInterface() / "device";
  std::ifstream file(path / "numa_node");
  int node = -1;  // what the kernel says where there is none
  if (!(file >> node) || node < 0) return std::nullopt;
  return static_cast<unsigned>(node);
}

std::optional<unsigned> NodeOfCore(const SystemView& system, uint16_t core) {
  // The core's folder has a link "node1".
  std::error_code error;
  const fs::path path = fs::path(system.sysfs) / "devices/system/cpu" / Cat("cpu", core);
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    unsigned node = 0;
    if (name.starts_with("node") && absl::SimpleAtoi(name.substr(4), &node)) return node;
  }
  return std::nullopt;
}

std::string FarCores(const SystemView& system, const Device& device,
                     std::span<const uint16_t> cores) {
  const std::optional<unsigned> here = NodeOfDevice(system, device);
  if (!here) return "";
  std::vector<std::string> far;
  for (const uint16_t core : cores) {
    const std::optional<unsigned> there = NodeOfCore(system, core);
    if (there && *there != *here) far.push_back(Cat("core ", core, " on node ", *there));
  }
  if (far.empty()) return "";
  return Cat("device ", device.name(), " is on NUMA node ", *here, ", but workers run on ",
             Join(far, ", "),
             ": its frames cross between the nodes; choose other cores in [workers]");
}

}  // namespace weft::nic
