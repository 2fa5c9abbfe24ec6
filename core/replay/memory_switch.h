// SPDX-License-Identifier: Apache-2.0
// The switch that a startup.conf describes, with ports in memory: its modules and plugins, its
// bridges, features and graph, and neither EAL nor root, huge pages, sockets or workers. All ports
// are up. Time stands still unless it is moved. What nodes decide is what they decide in weftd: it
// is the same code on the same tables. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/base/event_loop.h"
#include "core/base/rcu.h"
#include "core/config/reader.h"
#include "core/events/event_log.h"
#include "core/graph/graph.h"
#include "core/graph/memory_ports.h"
#include "core/module.h"
#include "core/plugin/plugin.h"
#include "core/port/arcs.h"
#include "core/port/port_table.h"
#include "core/shell/command_table.h"

namespace weft {

using Modules = std::vector<std::unique_ptr<Module>>;

class MemorySwitch {
 public:
  // What a startup.conf is read from, and where plugins are if it does not say.
  struct Source {
    std::string name;  // opens every error
    std::string text;
    std::string plugin_directory;
  };

  // `modules` are the built-in ones. InvalidArgument: every error of the text, a line each; or what
  // a plugin or a module has against it.
  static absl::StatusOr<std::unique_ptr<MemorySwitch>> Make(Modules modules, const Source& source);
  ~MemorySwitch();
  MemorySwitch(const MemorySwitch&) = delete;
  MemorySwitch& operator=(const MemorySwitch&) = delete;

  // Null if there is no such port.
  const Port* Find(std::string_view name) const;
  // A sentence for the person who named it.
  absl::Status NoSuchPort(std::string_view name) const;

  // A frame that has come in from a port, traced by this number if it is not 0; Run takes it.
  void Send(PortId port, std::vector<uint8_t> frame, uint16_t trace = 0);
  // Polls every input until no frame waits any more, and at least `rounds` times.
  void Run(size_t rounds = 1);
  // Moves the clock; timers that are due on the way run when they are, and packets that nodes keep
  // go when they are due.
  void Wait(Time time);
  absl::StatusOr<Reply> Ask(std::string_view command) const { return commands_.Run(command); }

  MemoryPorts& memory() { return memory_; }
  Graph& graph() { return *graph_; }
  const NodeCatalog& catalog() const { return catalog_; }
  const WorkerCounters& counters() const { return counters_; }
  const PortTable& ports() const { return ports_; }
  const std::vector<std::unique_ptr<Plugin>>& plugins() const { return plugins_; }

 private:
  MemorySwitch();

  absl::Status Register(Modules modules);
  absl::Status AddPlugins(const PluginsConfig& config, const std::string& directory);
  absl::Status Read(const Source& source);
  absl::Status Start();
  absl::Status AddPort(const PortConfig& config);
  Time NextMoment() const;

  SimulatedClock clock_;
  EventLoop loop_{clock_};
  std::vector<std::unique_ptr<Plugin>> plugins_;  // first: their code outlives what they made
  Rcu rcu_;
  NodeCatalog catalog_;
  Schemas schemas_;
  PortTable ports_{rcu_};
  EventLog events_;
  const Arcs arcs_{catalog_, ports_};
  Registry registry_{{loop_, rcu_, ports_, events_, nullptr, &arcs_}, catalog_, schemas_};
  MemoryPorts memory_;
  CommandTable commands_;
  Config config_;
  Modules modules_;
  std::vector<Module*> all_modules_;
  HeapPacketMemory heap_;
  PacketPool pool_{heap_, 2 * Frame::kCapacity};
  WorkerCounters counters_;
  Published<ArcTables> tables_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace weft
