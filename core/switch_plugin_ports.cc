// SPDX-License-Identifier: Apache-2.0
// A plugin that drives ports is replaced: its ports stay, with their numbers, their bridges and
// what other modules have of them; what is behind each is closed, and made anew by the other build.
// Both cannot be there at once, for there is one socket, one interface, one device. So who is
// behind a port comes back to it as after a restart, and if the other build cannot make one of the
// ports the build before makes all of them again.
#include <algorithm>
#include <utility>

#include "core/base/in_plugin.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/plugin/plugin_parts.h"
#include "core/switch.h"

namespace weft {

absl::Status Switch::MakeBackend(Port& port, const PortConfig& config, const PortKind& kind) {
  port.workers.resize(1);  // its other queues are placed as it is made
  const PortId id = port.id;
  absl::StatusOr<std::unique_ptr<PortBackend>> backend =
      kind.make({.id = id,
                 .config = config,
                 .directory = PortDirectory(config.name),
                 .worker = port.workers[0],
                 .place_queue =
                     [this, &port] {
                       PlaceQueue(port);
                       return port.workers.back();
                     },
                 .on_up = [this, id] { SetUp(id, true); },
                 .on_down = [this, id] { SetUp(id, false); }});
  if (!backend.ok()) return backend.status();
  port.backend = *std::move(backend);
  return absl::OkStatus();
}

void Switch::CloseBackends(const std::vector<Port*>& ports) {
  for (Port* const port : ports) {
    port->backend.reset();
    errors_.erase(port->id);
    if (!port->up) continue;
    SetUp(port->id, false);
    events_.Add(EventKind::kPortDown, port->name, "its plugin is replaced");
  }
  Settle();  // what was behind them can be had again once workers have let go of it
}

absl::Status Switch::OpenBackend(Port& port, const Plugin& plugin, const PortConfig& config) {
  const auto& kinds = plugin.parts().registry.kinds();
  const auto kind = std::find_if(kinds.begin(), kinds.end(),
                                 [&](const PortKind& other) { return other.name == port.kind; });
  absl::Status status;
  const InPlugin note(plugin.info().name, "while it made a port");
  const absl::Status ran = RunGuarded("it", [&] {
    status = MakeBackend(port, config, *kind);
    if (status.ok()) status = port.backend->Open();
  });
  if (status.ok()) status = ran.ok() ? CheckMemory() : ran;
  if (status.ok()) return status;
  return absl::Status(status.code(), Cat("port \"", port.name, "\": ", MessageOf(status)));
}

// Its types are of a build that goes, and workers may still look at it.
void Switch::Forget(std::unique_ptr<PortConfig> config) {
  rcu_.Defer([kept = std::shared_ptr<PortConfig>(std::move(config))] {});
}

absl::Status Switch::HandOverPorts(const Plugin* out, Plugin* in, Next& next) {
  std::vector<Port*> ports;
  std::vector<bool> were_up;
  for (const auto& [name, table] : next.translated.kinds) {
    Port* const port = ports_.Find(name);
    ports.push_back(port);
    were_up.push_back(port->up);
    next.configs[name] = std::make_unique<PortConfig>(*port_configs_.at(name));
    next.configs[name]->kind_config = table;
  }
  if (ports.empty()) return absl::OkStatus();
  CloseBackends(ports);
  absl::Status status;
  for (size_t i = 0; i < ports.size() && status.ok(); ++i)
    status = OpenBackend(*ports[i], *in, *next.configs.at(ports[i]->name));
  if (!status.ok()) {
    CloseBackends(ports);
    for (auto& [name, config] : next.configs) Forget(std::move(config));
    return absl::Status(status.code(), Cat(MessageOf(status), GiveBack(ports, *out)));
  }
  // It was told of them as they were before.
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i]->up && !were_up[i]) in->module().PortUp(ports[i]->id);
    if (!ports[i]->up && were_up[i]) in->module().PortDown(ports[i]->id);
  }
  return status;
}

// They could be made before. One that cannot be any more is no port: there is none without a
// backend.
std::string Switch::GiveBack(const std::vector<Port*>& ports, const Plugin& plugin) {
  std::vector<std::string> lost;
  for (Port* const port : ports) {
    const absl::Status status = OpenBackend(*port, plugin, *port_configs_.at(port->name));
    if (status.ok()) continue;
    lost.push_back(Cat(MessageOf(status), ", so it is deleted"));
    RemovePort(std::string(port->name)).IgnoreError();
  }
  if (lost.empty()) return "; its ports are made anew by the build before";
  return Cat("; nor can the build before make all of them again: ", Join(lost, "; "));
}

void Switch::InstallPorts(Next& next) {
  for (auto& [name, config] : next.configs) {
    std::swap(port_configs_.at(name), config);
    Forget(std::move(config));
    Port& port = *ports_.Find(name);
    port.wiring.output = FindKind(port.kind)->output;
    LogInfo(Cat("port ", name, ": made anew, worker ", WorkersOf(port)));
  }
}

}  // namespace weft
