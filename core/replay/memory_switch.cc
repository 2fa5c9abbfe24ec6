// SPDX-License-Identifier: Apache-2.0
#include "core/replay/memory_switch.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/config/suggest.h"
#include "core/plugin/find_plugin.h"

namespace weft {

MemorySwitch::MemorySwitch() = default;

// As a switch that ends: modules give up what they have of each port while all is still there.
MemorySwitch::~MemorySwitch() {
  for (const auto& port : ports_.ports()) {
    for (Module* module : all_modules_) {
      if (port->up) module->PortDown(port->id);
      module->RemovePort(port->id);
    }
  }
}

absl::StatusOr<std::unique_ptr<MemorySwitch>> MemorySwitch::Make(Modules modules,
                                                                 const Source& source) {
  std::unique_ptr<MemorySwitch> made(new MemorySwitch);
  absl::Status status = made->Register(std::move(modules));
  if (status.ok()) status = made->Read(source);
  if (status.ok()) status = made->Start();
  if (!status.ok()) return status;
  return made;
}

absl::Status MemorySwitch::Register(Modules modules) {
  registry_.AddNode<MemoryInput>(
      [this](WorkerId) { return std::make_unique<MemoryInput>(memory_); });
  registry_.AddNode<MemoryOutput>(
      [this](WorkerId) { return std::make_unique<MemoryOutput>(memory_); });
  for (std::unique_ptr<Module>& module : modules) {
    module->Register(registry_);
    all_modules_.push_back(module.get());
    modules_.push_back(std::move(module));
  }
  return registry_.status();
}

absl::Status MemorySwitch::AddPlugins(const PluginsConfig& config, const std::string& directory) {
  for (const std::string& name : config.load) {
    const absl::StatusOr<std::string> path = FindPlugin(name, config.directory.value_or(directory));
    if (!path.ok()) return path.status();
    absl::StatusOr<std::unique_ptr<Plugin>> plugin = Plugin::Load(*path);
    if (!plugin.ok()) return plugin.status();
    plugins_.push_back(*std::move(plugin));
    if (absl::Status status = plugins_.back()->Register(registry_, catalog_); !status.ok())
      return status;
    all_modules_.push_back(&plugins_.back()->module());
  }
  return absl::OkStatus();
}

absl::Status MemorySwitch::Read(const Source& source) {
  Errors errors(source.name);
  std::optional<Config> config;
  if (const std::optional<Document> document = Document::Parse(source.text, &errors)) {
    const Globals globals = ReadGlobals(*document, &errors);
    if (absl::Status status = AddPlugins(globals.plugins, source.plugin_directory); !status.ok())
      errors.Add(document->root().WhereIs("plugins"), Cat("[plugins] load: ", MessageOf(status)));
    config = ReadAll(*document, schemas_, &errors);
  }
  if (!errors.empty()) return absl::InvalidArgumentError(Join(errors.Lines(), "\n"));
  config_ = *std::move(config);
  return absl::OkStatus();
}

absl::Status MemorySwitch::Start() {
  for (Command& command : registry_.commands()) {
    if (absl::Status status = commands_.Add(std::move(command), "modules"); !status.ok())
      return status;
  }
  absl::StatusOr<std::shared_ptr<const GraphPlan>> plan = GraphPlan::Build(catalog_);
  if (!plan.ok()) return plan.status();
  for (const BridgeConfig& bridge : config_.bridges) {
    for (Module* module : all_modules_) {
      if (absl::Status status = module->AddBridge(bridge); !status.ok()) return status;
    }
  }
  for (const PortConfig& port : config_.ports) {
    if (absl::Status status = AddPort(port); !status.ok())
      return absl::Status(status.code(), Cat("port \"", port.name, "\": ", MessageOf(status)));
  }
  absl::StatusOr<std::unique_ptr<const ArcTables>> tables =
      ArcTables::Build(**plan, ports_.Wirings());
  if (!tables.ok()) return tables.status();
  tables_.Store(rcu_, *std::move(tables));
  graph_ = std::make_unique<Graph>(*plan, WorkerId(0), tables_, pool_, counters_);
  graph_->UseClock(clock_);
  for (Module* module : all_modules_) {
    if (absl::Status status = module->Configured(config_); !status.ok()) return status;
  }
  for (const auto& port : ports_.ports()) {
    port->up = true;
    for (Module* module : all_modules_) module->PortUp(port->id);
  }
  rcu_.Poll();
  return absl::OkStatus();
}

absl::Status MemorySwitch::AddPort(const PortConfig& config) {
  const absl::StatusOr<Port*> added = ports_.Add(config.name);
  if (!added.ok()) return added.status();
  Port& port = **added;
  port.kind = config.kind;
  port.bridge = config.bridge;
  port.mtu = config.mtu;
  port.workers.push_back(WorkerId(0));
  port.wiring.output = std::string(MemoryOutput::kSpec.name);
  for (const auto& [node, table] : config.features)
    port.wiring.features.push_back({node, table.object});
  memory_.mtu[port.id] = config.mtu;
  for (Module* module : all_modules_) {
    if (absl::Status status = module->AddPort(port.id, config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

const Port* MemorySwitch::Find(std::string_view name) const {
  const auto found = std::find_if(ports_.ports().begin(), ports_.ports().end(),
                                  [&](const auto& port) { return port->name == name; });
  return found == ports_.ports().end() ? nullptr : found->get();
}

absl::Status MemorySwitch::NoSuchPort(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& port : ports_.ports()) names.push_back(port->name);
  return absl::NotFoundError(Cat("there is no port ", Quoted(name), DidYouMean(name, names)));
}

void MemorySwitch::Send(PortId port, std::vector<uint8_t> frame, uint16_t trace) {
  memory_.waiting.push_back({.port = port, .frame = std::move(frame), .trace = trace});
}

void MemorySwitch::Run(size_t rounds) {
  for (size_t round = 0; round < rounds || !memory_.waiting.empty(); ++round) {
    graph_->PollInputs();
    rcu_.Poll();
  }
}

// When a timer runs next, or a packet is due that some node keeps.
Time MemorySwitch::NextMoment() const {
  return std::min(loop_.NextTimer().value_or(Time::max()), graph_->NextDue());
}

void MemorySwitch::Wait(Time time) {
  const Time until = clock_.Now() + time;
  for (Time next = NextMoment(); next <= until; next = NextMoment()) {
    clock_.Advance(std::max(next - clock_.Now(), Time::zero()));
    loop_.RunOnce(Time::zero());
    if (graph_->NextDue() <= clock_.Now()) graph_->PollInputs();
    rcu_.Poll();
  }
  clock_.Advance(until - clock_.Now());
}

}  // namespace weft
