// SPDX-License-Identifier: Apache-2.0
// A switch whose ports hold devices, and a startup.conf that is read again: what tests of a reload
// begin with.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/arcs_module.h"
#include "core/reload.h"
#include "tests/support/graph_harness.h"
#include "tests/support/switch_harness.h"

namespace weft::testing {

class Idle final : public Feature<Idle> {
 public:
  static constexpr NodeSpec kSpec{.name = "f1", .arc = "port-input", .help = "Does nothing."};
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) { return Continue(); });
  }
};

// A node with keys of its own.
class Keyed final : public Node<Keyed> {
 public:
  static constexpr NodeSpec kSpec{.name = "keyed", .help = "Gets nothing."};
  struct NodeConfig {
    std::string word = "none";
    static constexpr auto kFields = Fields(Field<&NodeConfig::word>("word", "what it is told"));
  };
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Consumed(); });
  }
};

// What a test sees of a switch whose ports hold devices, each once. A device "absent" cannot be
// opened.
struct World {
  std::set<std::string> devices;               // that are held
  std::map<std::string, std::string> bridges;  // by port
  std::map<std::string, std::string> owners;   // port by MAC
  std::map<std::string, std::string> ageing;   // by bridge
  std::vector<std::string> names;              // static entries that were resolved
  std::vector<std::string> opened;
  std::string word;  // what the node was told last
  std::function<void()> on_up;
};

struct DeviceConfig {
  std::string device = "none";
  static constexpr auto kFields = Fields(Field<&DeviceConfig::device>("device", "what it holds"));
};

class DeviceBackend final : public PortBackend {
 public:
  DeviceBackend(World& world, std::string name, std::string device)
      : world_(world), name_(std::move(name)), device_(std::move(device)) {}
  ~DeviceBackend() override {
    if (held_) world_.devices.erase(device_);
  }
  absl::Status Open() override {
    if (device_ == "absent") return absl::NotFoundError("there is no such device");
    if (device_ != "none") {
      if (!world_.devices.insert(device_).second)
        return absl::AlreadyExistsError("the device is somebody's");
      held_ = true;
    }
    world_.opened.push_back(name_);
    return absl::OkStatus();
  }
  PortStatus Status() const override { return {}; }
  std::vector<PortFact> Facts() const override { return {}; }

 private:
  World& world_;
  const std::string name_;
  const std::string device_;
  bool held_ = false;
};

class WorldModule final : public Module {
 public:
  explicit WorldModule(World& world) : world_(world) {}
  std::string_view name() const override { return "world"; }
  void Register(Registry& registry) override {
    registry.AddNode<MemoryInput>(
        [this](WorkerId) { return std::make_unique<MemoryInput>(ports_); });
    registry.AddNode<MemoryOutput>(
        [this](WorkerId) { return std::make_unique<MemoryOutput>(ports_); });
    registry.AddNode<PairSwitch>([](WorkerId) { return std::make_unique<PairSwitch>(); });
    registry.AddNode<Idle>([](WorkerId) { return std::make_unique<Idle>(); });
    registry.AddNode<Keyed>([](WorkerId) { return std::make_unique<Keyed>(); });
    registry.AddPortKind(
        {.name = "memory",
         .help = "a port of a test",
         .schema = &SchemaOf<DeviceConfig>(),
         .output = "memory-output",
         .make =
             [this](const PortRequest& request) -> absl::StatusOr<std::unique_ptr<PortBackend>> {
           world_.on_up = request.on_up;
           return std::make_unique<DeviceBackend>(
               world_, request.config.name, request.config.kind_config.As<DeviceConfig>().device);
         },
         .preflight =
             [](const PortConfig& port, const std::string&) {
               if (port.kind_config.As<DeviceConfig>().device != "nowhere") return absl::OkStatus();
               return absl::NotFoundError("nowhere is no place for a device");
             }});
  }
  absl::Status AddBridge(const BridgeConfig& bridge) override {
    if (bridge.name == "bad") return absl::InternalError("a bad bridge");
    world_.ageing[bridge.name] = std::to_string(bridge.ageing.count());
    return absl::OkStatus();
  }
  void RemoveBridge(const std::string& name) override { world_.ageing.erase(name); }
  absl::Status ChangeBridge(const BridgeConfig& bridge) override {
    world_.ageing[bridge.name] = std::to_string(bridge.ageing.count());
    return absl::OkStatus();
  }
  absl::Status AddPort(PortId id, const PortConfig& port) override {
    if (!world_.ageing.contains(port.bridge)) return absl::NotFoundError("no such bridge");
    if (port.mac) {
      const auto [owner, is_new] = world_.owners.emplace(port.mac->ToString(), port.name);
      if (!is_new) return absl::AlreadyExistsError("its address is taken");
    }
    world_.bridges[port.name] = port.bridge;
    ids_[id] = port.name;
    return absl::OkStatus();
  }
  void RemovePort(PortId id) override {
    std::erase_if(world_.owners, [&](const auto& owner) { return owner.second == ids_[id]; });
    world_.bridges.erase(ids_[id]);
    up_.erase(id);
  }
  absl::Status Configured(const Config& config) override {
    world_.names.clear();
    world_.word = config.nodes.at("keyed").As<Keyed::NodeConfig>().word;
    for (const BridgeConfig& bridge : config.bridges) {
      for (const StaticEntry& entry : bridge.static_entries) {
        if (entry.mac.ToString() == "02:00:00:00:00:bb") return absl::InternalError("a bad entry");
        world_.names.push_back(entry.mac.ToString());
      }
    }
    return absl::OkStatus();
  }
  void PortUp(PortId id) override { up_.insert(id); }
  void PortDown(PortId id) override { up_.erase(id); }
  bool IsUp(PortId id) const { return up_.contains(id); }

 private:
  World& world_;
  MemoryPorts ports_;  // nobody sends
  std::map<PortId, std::string> ids_;
  std::set<PortId> up_;
};

class ReloadWorld : public ::testing::Test {
 protected:
  void Start(const std::string& text) {
    ASSERT_EQ(harness_.AddModule(std::make_unique<ArcsModule>()), "");
    auto module = std::make_unique<WorldModule>(world_);
    module_ = module.get();
    ASSERT_EQ(harness_.AddModule(std::move(module)), "");
    ASSERT_EQ(harness_.Start(text), "");
    world_.opened.clear();
  }
  void Write(const std::string& text) { std::ofstream(file_) << text; }
  // "" or the error.
  std::string Apply(const std::string& text) {
    Write(text);
    return MessageOf(reload_.Apply().status());
  }
  std::vector<std::string> Diff(const std::string& text) {
    Write(text);
    const auto actions = reload_.Diff();
    if (!actions.ok()) return {MessageOf(actions.status())};
    std::vector<std::string> lines;
    for (const ConfigAction& action : *actions)
      lines.push_back(Cat(kConfigVerbs.name(action.verb), " ", action.What()));
    return lines;
  }
  static std::string Port(std::string_view name, std::string_view device = "none",
                          std::string_view more = "") {
    return Cat("[[port]]\nname = \"", name, "\"\nmemory = { device = \"", device, "\" }\n", more,
               "\n");
  }
  const weft::Port& Of(std::string_view name) {
    for (const auto& port : harness_->ports().ports()) {
      if (port->name == name) return *port;
    }
    ADD_FAILURE() << "no port " << name;
    return *harness_->ports().ports().front();
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& port : harness_->ports().ports()) names.push_back(port->name);
    return names;
  }

  World world_;
  SwitchHarness harness_;
  const std::string file_ = harness_.directory() + "/startup.conf";
  WorldModule* module_ = nullptr;
  Reload reload_{*harness_, file_};
};

}  // namespace weft::testing
