// SPDX-License-Identifier: Apache-2.0
// The switch as a whole: the modules, the graph that they make together, the workers that walk it,
// and the ports. It is what main.cc starts and what the shell's commands look at. Control thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/event_loop.h"
#include "core/base/memory_reserve.h"
#include "core/base/rcu.h"
#include "core/config/reader.h"
#include "core/events/event_log.h"
#include "core/graph/arc_tables.h"
#include "core/graph/graph_plan.h"
#include "core/graph/node_class.h"
#include "core/module.h"
#include "core/plugin/plugin.h"
#include "core/port/arcs.h"
#include "core/port/port_table.h"
#include "core/stats/stats.h"
#include "core/trace/capture_book.h"
#include "core/trace/dry_run.h"
#include "core/trace/trace_book.h"
#include "core/trace/watcher.h"
#include "core/worker/worker.h"

namespace weft {

class CommandTable;
using GraphPlanPtr = std::shared_ptr<const GraphPlan>;

class Switch {
 public:
  explicit Switch(EventLoop& loop);
  // Stops. Plugins go last: their code is behind much of what the others hold.
  ~Switch();
  Switch(const Switch&) = delete;
  Switch& operator=(const Switch&) = delete;

  // --- in this order, once ---

  // Registers a module; an error says which and why.
  absl::Status AddModule(std::unique_ptr<Module> module);
  // Builds the graph and the workers, which take their packets from `memory`. Bridges and ports
  // follow from `config`.
  struct StartOptions {
    std::string runtime_dir;
    std::vector<uint16_t> cores;
    PacketMemory* memory = nullptr;
    bool uses_eal = false;
    std::function<void()> on_worker_start{};  // see WorkerOptions; may be empty
    Time longest_sleep = WorkerOptions().longest_sleep;
    MemoryReserve* reserve = nullptr;  // may be null; spent, nothing new is begun
  };
  absl::Status Start(Config config, const StartOptions& options);
  // The end: takes every port off the workers, waits until they have let go, stops them and returns
  // their packets.
  void Stop();

  // --- plugins (core/switch_plugins.cc): before Start, or while it runs ---

  // Each leaves everything as it was if it fails, and no worker waits or loses a packet. The end of
  // a plugin that goes comes later, when no worker can be in it.
  absl::Status AddPlugin(std::unique_ptr<Plugin> plugin);
  // Another build takes the place of the one that has its name, with its ports' tables and its
  // state. Ports that it drives are closed and made anew.
  absl::Status ReplacePlugin(std::unique_ptr<Plugin> plugin);
  absl::Status UnloadPlugin(std::string_view name);
  // The grammar with `more`, which have registered, and without those that `keep` does not name. An
  // error if there could be no such switch.
  absl::StatusOr<Schemas> Imagine(const std::vector<std::string>& keep,
                                  const std::vector<std::unique_ptr<Plugin>>& more) const;
  // The end of one that has no part in the switch, when nothing that it has begun is left; then
  // `gone` is called, if it is not empty.
  void Dispose(std::shared_ptr<Plugin> plugin, const std::function<void()>& gone);
  // Null if there is none of that name.
  const Plugin* FindPlugin(std::string_view name) const;
  // Who needs it: "port web-1 (mac-guard)".
  std::vector<std::string> UsersOf(const Plugin& plugin) const;
  // Those that have no more part in anything, and wait for workers to let go.
  const std::vector<PluginInfo>& leaving() const { return leaving_; }
  // Where the commands of plugins come and go from now on until Stop.
  absl::Status UseCommandTable(CommandTable& commands);
  // Before Start: no node of the plugin ever runs. What becomes of its packets says on-fault.
  void LeaveOut(std::string_view name);
  // Before any is loaded: these are not, though a file names them, until somebody loads one at the
  // shell.
  void LeaveUnloaded(std::vector<std::string> names);
  const std::vector<std::string>& left_unloaded() const { return left_unloaded_; }
  // The file without the tables that these schemas do not know and that may be those plugins', of
  // which the log has a line each; as it is if it loads none of them.
  Document WithoutUnloaded(const std::string& file, const Document& document,
                           const PluginsConfig& plugins, const Schemas& schemas) const;
  // Tells the events of plugins whose nodes broke a rule, and ends weftd for one whose on-fault is
  // "stop".
  void LookForFaults();
  // The plugin for whose fault it ended itself; empty if it has not.
  const std::string& ended_by() const { return ended_by_; }
  // Ends weftd if a plugin's node has kept a worker for `hang`. Every kErrorPoll.
  void LookForHangs(Time now);

  // --- while it runs ---

  // An error leaves everything as it was.
  absl::Status AddPort(const PortConfig& config);
  absl::Status RemovePort(std::string_view name);

  // The steps of a reload, besides these two; core/reload_steps.h orders them. An error leaves
  // everything as it was before that step.
  absl::Status AddBridge(const BridgeConfig& config);
  absl::Status ChangeBridge(const BridgeConfig& config);
  void RemoveBridge(const std::string& name);  // its ports have gone
  // The port stays connected, and is in no bridge until it joins one.
  void LeaveBridge(const std::string& name);
  absl::Status JoinBridge(const PortConfig& config);
  absl::Status SetFeatures(const PortConfig& config);
  absl::Status ResolveNames(const Config& config);
  void RetainNames(const Config& config);
  // Waits until workers have let go of all that was retired; a second at most.
  void Settle();
  // The configuration that runs from now on, of which the ports have been made.
  void Adopt(Config config);
  // What runs: the last file, with the ports that are there, whoever added them.
  Config Running() const;
  bool stopping() const { return stopping_; }

  const NodeCatalog& catalog() const { return catalog_; }
  const Schemas& schemas() const { return schemas_; }
  const GraphPlan& plan() const { return *plan_; }
  const ArcTables& arc_tables() const { return *tables_.Load(); }
  const Config& config() const { return config_; }
  const PortTable& ports() const { return ports_; }
  const Stats& stats() const { return stats_; }
  TraceBook& traces() { return traces_; }
  // Also what others have to tell: main.cc that it serves, a reload how it ended.
  EventLog& events() { return events_; }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  const std::vector<std::unique_ptr<Plugin>>& plugins() const { return plugins_; }
  const std::vector<PortKind>& kinds() const { return registry_.kinds(); }
  // Empty if there is none of that number.
  std::string BridgeName(BridgeId bridge) const { return registry_.BridgeName(bridge); }
  Registry& registry() { return registry_; }
  EventLoop& loop() { return loop_; }
  // All counts begin at 0 again.
  void ClearCounters() { stats_.Clear(PortIds()); }
  // What modules have to say of a port that does not work well.
  std::vector<Finding> Explain(PortId port) const;
  // Where a port's own files are.
  std::string PortDirectory(std::string_view name) const;

  // What the workers show of their packets.
  Watcher& watcher() { return watcher_; }
  CaptureBook& captures() { return captures_; }
  // Takes the traces that they have recorded since last time.
  void DrainTraces();
  // Tells the events of ports that have come into error by themselves.
  void LookForErrors();
  // What would become of a frame from `port`: see core/trace/dry_run.h.
  std::vector<TraceStep> DryRunFrom(PortId port, std::span<const uint8_t> frame) const {
    return DryRun(*plan_, tables_, WorkerId(kMaxWorkers - 1), port, frame);
  }
  // Steps of traced packets that found a worker's ring full.
  uint64_t LostTraceSteps() const;

 private:
  // What there is to know of: all that a plugin may add to.
  struct World {
    NodeCatalog catalog;
    Schemas schemas;
    std::vector<PortKind> kinds;
  };
  // The tables of features and nodes as another build reads them.
  struct Translated {
    std::map<std::string, std::map<std::string, AnyConfig>> ports;  // by port, then feature
    std::map<std::string, AnyConfig> kinds;  // of the ports that it drives, by port
    std::map<std::string, AnyConfig> nodes;  // [node.x] of its own nodes: defaults if it is new
  };
  using PortConfigs = std::map<std::string, std::unique_ptr<PortConfig>>;  // by port
  // All that goes when `plugin` does.
  struct Leaving;

  // All that the switch will be. Nothing of it is in use yet.
  struct Next {
    World world;
    Translated translated{};
    GraphPlanPtr plan{};  // null before Start
    std::vector<Graph::Change> graphs{};
    std::shared_ptr<Layouts> layouts = std::make_shared<Layouts>();
    std::unique_ptr<const ArcTables> tables{};
    PortConfigs configs{};  // of the ports that the plugin drives
  };

  // `out` may be null, or `in`.
  absl::Status Exchange(Plugin* out, std::unique_ptr<Plugin> in);
  absl::Status Build(const Plugin* out, Plugin* in, Next& next) const;
  absl::Status BuildGraphs(const Plugin* out, Plugin* in, Next& next) const;
  void Commit(Plugin* out, std::unique_ptr<Plugin> in, Next next);
  void ExchangePlaces(Plugin* out, std::unique_ptr<Plugin> in, Leaving& leaving);
  static absl::Status Enter(Plugin& plugin, World& world);
  static void Leave(const Plugin& plugin, World& world);
  absl::Status Acquaint(Module& module, const Translated& tables) const;
  absl::StatusOr<Translated> Translate(const Plugin* before, const Plugin& in) const;
  absl::Status ExchangeCommands(const Plugin* out, const Plugin* in);
  void Install(const Translated& translated);
  // The ports of `out`, as `in` makes them: switch_plugin_ports.cc. An error has left them to
  // `out`.
  absl::Status HandOverPorts(const Plugin* out, Plugin* in, Next& next);
  void Forget(std::unique_ptr<PortConfig> config);
  void CloseBackends(const std::vector<Port*>& ports);
  absl::Status OpenBackend(Port& port, const Plugin& plugin, const PortConfig& config);
  std::string GiveBack(const std::vector<Port*>& ports, const Plugin& plugin);
  void InstallPorts(Next& next);
  void Retire(std::shared_ptr<Leaving> leaving);
  const PortKind* FindKind(std::string_view name) const;
  std::vector<PortId> PortIds() const;
  absl::Status MakePort(Port& port, const PortConfig& wanted);
  absl::Status MakeBackend(Port& port, const PortConfig& config, const PortKind& kind);
  absl::Status CheckMemory() const;
  absl::Status Publish();
  void SetUp(PortId id, bool up);
  void TellDown(PortId id, bool was_up);
  void ForgetPort(PortId id);
  absl::Status RetirePort(PortId id);
  // Gives one more queue of the port to a worker.
  void PlaceQueue(Port& port);
  void SetWiring(Port& port, const PortConfig& config);
  void PollRcu();

  EventLoop& loop_;
  std::vector<std::unique_ptr<Plugin>> plugins_;
  Rcu rcu_;
  NodeCatalog catalog_;
  Schemas schemas_;
  PortTable ports_;
  EventLog events_;
  const Arcs arcs_{catalog_, ports_};
  Registry registry_;
  Stats stats_;
  TraceBook traces_;
  std::map<PortId, std::string> errors_;  // of the ports in error: what was told
  Watcher watcher_{rcu_};
  CaptureBook captures_{watcher_, catalog_, ports_};
  std::vector<std::unique_ptr<Module>> modules_;  // the built-in ones; a plugin owns its own
  std::vector<Module*> all_modules_;
  std::vector<PluginInfo> leaving_;
  std::vector<std::string> left_unloaded_;
  CommandTable* commands_ = nullptr;
  static constexpr Time kErrorPoll = std::chrono::seconds(1);
  struct Round {  // of a worker, as it was seen in a plugin's node
    const Guard* guard = nullptr;
    uint64_t polls = 0;
    Time on_core{};  // of the worker, ever
    Time kept{};     // how long it has been in the node since
  };
  std::vector<Round> rounds_;
  Time last_look_{};          // for hangs
  Config config_;             // without ports
  PortConfigs port_configs_;  // of the ports that are there
  std::string runtime_dir_;
  MemoryReserve* reserve_ = nullptr;
  GraphPlanPtr plan_;
  std::shared_ptr<const Layouts> layouts_;  // of plan_, once it is not the first
  Published<ArcTables> tables_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool stopping_ = false;
  std::string ended_by_;
  EventLoop::TimerId rcu_timer_ = 0;
  EventLoop::TimerId rate_timer_ = 0;
  EventLoop::TimerId trace_timer_ = 0;
  EventLoop::TimerId error_timer_ = 0;
  // For what is posted to the loop: gone with the switch.
  const std::shared_ptr<Switch*> self_ = std::make_shared<Switch*>(this);
};

}  // namespace weft
