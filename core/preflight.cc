// SPDX-License-Identifier: Apache-2.0
#include "core/preflight.h"

#include "core/base/text.h"
#include "core/base/unix_socket.h"
#include "core/runtime_dir.h"
#include "core/worker/cpu_set.h"

namespace weft {

std::vector<std::string> Preflight(const Config& config, const std::vector<PortKind>& kinds,
                                   const std::string& runtime_dir) {
  std::vector<std::string> problems;
  const auto keep = [&](const std::string& owner, const absl::Status& status) {
    if (!status.ok()) problems.push_back(Cat(owner, ": ", MessageOf(status)));
  };
  keep("[workers] cores",
       ChooseCores(config.workers.cores.value_or(std::vector<uint16_t>()), AvailableCores())
           .status());
  keep("[weft] runtime-dir", CheckRuntimeDir(runtime_dir));
  keep("[weft] control-socket", CheckSocketPath(ControlSocketPath(config.weft, runtime_dir)));
  for (const PortConfig& port : config.ports) {
    keep(Cat("port \"", port.name, "\""),
         PreflightPort(port, kinds, Cat(runtime_dir, "/ports/", port.name)));
  }
  return problems;
}

absl::Status PreflightPort(const PortConfig& port, const std::vector<PortKind>& kinds,
                           const std::string& directory) {
  for (const PortKind& kind : kinds) {
    if (kind.name == port.kind && kind.preflight) return kind.preflight(port, directory);
  }
  return absl::OkStatus();
}

}  // namespace weft
