// SPDX-License-Identifier: Apache-2.0
// A module owns a room: its nodes, its kind of port, their shared state, config and commands.
// nodes/builtin.cc lists the modules that are always there; a plugin is a module that arrives in a
// .so. Control thread.
//
//   class L2Module final : public Module {
//    public:
//     std::string_view name() const override { return "l2"; }
//     void Register(Registry& registry) override {
//       registry.AddNode<L2Switch>([this](WorkerId) { return std::make_unique<L2Switch>(state_);
//       }); registry.AddCommand({.words = "show l2 fdb", ...});
//     }
//   };
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/ids.h"
#include "core/config/reader.h"
#include "core/config/schema.h"
#include "core/graph/node_class.h"
#include "core/port/port.h"
#include "core/shell/command.h"

namespace weft {

class Arcs;
class Bridges;
class EventLoop;
class EventSink;
class Rcu;
class PortTable;

// What a port asks of DPDK's EAL before it can be made.
struct EalNeeds {
  std::vector<std::string> pci_devices;  // addresses to probe; without any EAL gets --no-pci
  uint64_t memory = 0;                   // bytes, beside the packet pools
  // Whether its driver reaches for interfaces of the kernel's or for hardware: then weftd keeps the
  // rights to.
  bool network = false;
  // Whether control gives the kernel programs for such interfaces (XDP, with AF_XDP's sockets).
  bool programs = false;
  // Whether control reaches into other network namespaces.
  bool namespaces = false;
};

// One port to be made.
struct PortRequest {
  PortId id;
  const PortConfig& config;  // as long as the port lives
  std::string directory;     // <runtime-dir>/ports/<name>: the port's own, made by whoever needs it
  WorkerId worker;           // who polls it, or the first of its queues
  // Finds a worker for one more queue of the port: one that has none of them yet if there is such
  // a one, and of those the one with the least to poll. While the port is made.
  std::function<WorkerId()> place_queue{};
  // The port's frames can flow from now on, or no longer; from the control thread's loop.
  std::function<void()> on_up;
  std::function<void()> on_down;
};

// A kind of port: its table in [[port]] and how to make one.
struct PortKind {
  std::string name;  // "vhost": the key of its table
  std::string help;
  const TableSchema* schema = nullptr;
  std::string output;  // the node where port-output ends for such ports
  std::function<absl::StatusOr<std::unique_ptr<PortBackend>>(const PortRequest&)> make;
  // For `weftd --check`: what would keep `make` and Open from working, found without side effects.
  // May be empty.
  std::function<absl::Status(const PortConfig&, const std::string& directory)> preflight{};
  // May be empty.
  std::function<void(const PortConfig&, EalNeeds&)> eal_needs{};
  // See Schemas::Kind. May be null.
  void (*validate)(std::span<const KindUse> ports) = nullptr;
  // What its backends may tell by Facts and Attachment: the declared part of what `show port`
  // answers, with help. What is told beyond that is shown all the same.
  std::vector<Column> facts{}, attachment{};
};

// What a module may use of the switch while it lives.
struct ModuleServices {
  EventLoop& loop;
  Rcu& rcu;
  const PortTable& ports;
  EventSink& events;
  Bridges* bridges = nullptr;  // core/port/bridges.h; null before the room `l2` is there
  const Arcs* arcs = nullptr;  // core/port/arcs.h; null where there is no switch
};

// Where modules put what they bring. The first error sticks.
class Registry {
 public:
  Registry(ModuleServices services, NodeCatalog& catalog, Schemas& schemas)
      : services_(services), catalog_(catalog), schemas_(schemas) {}

  const ModuleServices& services() const { return services_; }

  // `make` builds one N for a worker; `make_dry` one for `trace inject`, which is to change nothing
  // that packets meet later, if `make` does not build such ones. Of inputs and outputs there is
  // none.
  template <typename N>
  void AddNode(NodeClass::Factory make, NodeClass::Factory make_dry = nullptr) {
    Keep(catalog_.Add(NodeClassOf<N>(std::move(make), std::move(make_dry))).status());
    // A feature is used by the ports whose section has its table.
    if constexpr (requires { N::PortConfig::kFields; }) {
      AddFeatureTable(N::kSpec, SchemaOf<typename N::PortConfig>());
    } else if constexpr (requires { typename N::PortConfig; }) {
      static_assert(std::is_empty_v<typename N::PortConfig>, "a PortConfig needs its kFields");
      AddFeatureTable(N::kSpec, SchemaOf<NoKeys>());
    }
    // [node.NAME]: keys of the node itself, for Configured to read.
    if constexpr (requires { N::NodeConfig::kFields; }) {
      schemas_.nodes.push_back({std::string(N::kSpec.name), std::string(N::kSpec.help),
                                &SchemaOf<typename N::NodeConfig>()});
    }
  }
  void AddPortKind(PortKind kind) {
    schemas_.kinds.push_back({kind.name, kind.help, kind.schema, kind.validate});
    kinds_.push_back(std::move(kind));
  }
  // Who knows about bridges, from now on. It lives as long as the modules.
  void ProvideBridges(Bridges& bridges) { services_.bridges = &bridges; }
  void AddCommand(Command command) { commands_.push_back(std::move(command)); }
  // What completion offers for arguments of this kind (Argument::value).
  void AddValues(ValueSource values) { values_.push_back(std::move(values)); }
  // What the bridge of a number is called; empty if there is none.
  void NameBridges(std::function<std::string(BridgeId)> name) { bridge_name_ = std::move(name); }

  const absl::Status& status() const { return status_; }
  const std::vector<PortKind>& kinds() const { return kinds_; }
  std::vector<PortKind>& kinds() { return kinds_; }
  std::vector<Command>& commands() { return commands_; }
  std::vector<ValueSource>& values() { return values_; }
  std::string BridgeName(BridgeId bridge) const { return bridge_name_ ? bridge_name_(bridge) : ""; }

 private:
  // The table of a feature that has nothing to configure: `name = {}` is all of it.
  struct NoKeys {
    static constexpr auto kFields = Fields();
  };

  void AddFeatureTable(const NodeSpec& spec, const TableSchema& schema) {
    schemas_.features.push_back({std::string(spec.name), std::string(spec.help), &schema});
  }
  void Keep(const absl::Status& status) {
    if (status_.ok()) status_ = status;
  }

  ModuleServices services_;
  NodeCatalog& catalog_;
  Schemas& schemas_;
  std::vector<PortKind> kinds_;
  std::vector<Command> commands_;
  std::vector<ValueSource> values_;
  std::function<std::string(BridgeId)> bridge_name_;
  absl::Status status_;
};

// A plugin's module may be made while the switch runs: then it is told of what is there as if it
// came now. It may also go, with ports and bridges still there: when it is destroyed no worker has
// a node of it any more, and its destructor ends whatever it has begun.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  virtual std::string_view name() const = 0;
  // Called once, before anything else.
  virtual void Register(Registry& registry) = 0;

  // The configuration comes and goes, bridges first. An error undoes the step that it belongs to.
  virtual absl::Status AddBridge(const BridgeConfig&) { return absl::OkStatus(); }
  virtual void RemoveBridge(const std::string& /*name*/) {}
  // A bridge that is there has other settings now. Its static entries follow with Configured.
  virtual absl::Status ChangeBridge(const BridgeConfig&) { return absl::OkStatus(); }
  // A port that changes its bridge or its addresses is removed and added again, while its backend
  // goes on.
  virtual absl::Status AddPort(PortId, const PortConfig&) { return absl::OkStatus(); }
  virtual void RemovePort(PortId) {}
  // All bridges and ports of the configuration are there: what names ports can be resolved (static
  // entries). Again after every reload.
  virtual absl::Status Configured(const Config&) { return absl::OkStatus(); }
  // A reload begins: what was resolved and is not in this configuration is over.
  virtual void Retain(const Config&) {}
  virtual void PortUp(PortId) {}
  virtual void PortDown(PortId) {}
  // What `why` is to say of a port, beyond what its kind and the counters do.
  virtual std::vector<Finding> Explain(PortId) const { return {}; }

  // `plugin replace`: what another build of this module is to begin with, in words that both
  // understand, for the types of one build are strangers to the other. Packets still flow; what
  // changes from here on is not in it.
  virtual std::string SaveState() const { return {}; }
  // What the module in whose place this one comes has saved; after it has been told of bridges and
  // ports. An error leaves the other one where it is.
  virtual absl::Status RestoreState(std::string_view /*state*/) { return absl::OkStatus(); }
};

}  // namespace weft
