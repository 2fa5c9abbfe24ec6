// SPDX-License-Identifier: Apache-2.0
#include "core/switch.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/plugin/plugin_parts.h"

namespace weft {
namespace {

constexpr Time kGracePoll = std::chrono::milliseconds(1);
constexpr Time kTracePoll = std::chrono::milliseconds(20);
constexpr Time kRatePeriod = std::chrono::seconds(1);

}  // namespace

Switch::Switch(EventLoop& loop)
    : loop_(loop),
      ports_(rcu_),
      registry_({loop, rcu_, ports_, events_, nullptr, &arcs_}, catalog_, schemas_),
      stats_(catalog_) {
  rcu_.OnDefer([this] {
    if (rcu_timer_ == 0) rcu_timer_ = loop_.Every(kGracePoll, [this] { PollRcu(); });
  });
  rcu_.OnPublish([this] {
    for (const auto& worker : workers_) worker->Wake();
  });
}

Switch::~Switch() {
  Stop();
  rcu_.OnPublish(nullptr);
  rcu_.OnDefer(nullptr);  // what modules still defer as they go is run when rcu_ goes
}

void Switch::PollRcu() {
  if (rcu_.Poll() != 0) return;
  loop_.Cancel(rcu_timer_);
  rcu_timer_ = 0;
  // While a worker stands still, snapshot upon snapshot waits for it. What they needed goes back to
  // the system now: else weftd would be as large for ever as on its worst day.
  malloc_trim(0);
}

absl::Status Switch::AddModule(std::unique_ptr<Module> module) {
  module->Register(registry_);
  all_modules_.push_back(module.get());
  modules_.push_back(std::move(module));
  return registry_.status();
}

absl::Status Switch::Start(Config config, const StartOptions& options) {
  config_ = std::move(config);
  runtime_dir_ = options.runtime_dir;
  reserve_ = options.reserve;
  for (const auto& plugin : plugins_) plugin->parts().Obey(config_.plugins);
  absl::StatusOr<std::shared_ptr<const GraphPlan>> plan = GraphPlan::Build(catalog_);
  if (!plan.ok()) return plan.status();
  plan_ = *std::move(plan);
  if (absl::Status status = Publish(); !status.ok()) return status;
  for (const uint16_t core : options.cores) {
    const WorkerOptions worker{.id = WorkerId(static_cast<uint16_t>(workers_.size())),
                               .core = core,
                               .sleeps = config_.workers.idle != Idle::kPoll,
                               .quiet = config_.workers.idle == Idle::kInterrupt
                                            ? Time::zero()
                                            : Time(config_.workers.quiet),
                               .longest_sleep = options.longest_sleep,
                               .uses_eal = options.uses_eal,
                               .on_start = options.on_worker_start};
    workers_.push_back(std::make_unique<Worker>(worker, plan_, tables_, rcu_, *options.memory));
    if (workers_.back()->pool_size() < worker.pool_size) {
      return absl::ResourceExhaustedError(Cat("worker ", worker.id.value(), " gets ",
                                              workers_.back()->pool_size(), " of the ",
                                              worker.pool_size, " packets that it needs"));
    }
    stats_.AddWorker(worker.id, workers_.back()->counters(), workers_.back()->graph().drop_log());
    watcher_.AddGraph(workers_.back()->graph());
  }
  for (const BridgeConfig& bridge : config_.bridges) {
    if (absl::Status status = AddBridge(bridge); !status.ok()) return status;
  }
  for (const PortConfig& port : config_.ports) {
    if (absl::Status status = AddPort(port); !status.ok()) return status;
  }
  if (absl::Status status = ResolveNames(config_); !status.ok()) return status;
  Adopt(std::move(config_));
  for (const auto& worker : workers_) {
    if (absl::Status status = worker->Start(); !status.ok()) return status;
    LogInfo(Cat("worker ", worker->id().value(), ": runs on core ", worker->core()));
  }
  rate_timer_ = loop_.Every(kRatePeriod, [this] { stats_.Sample(PortIds(), loop_.Now()); });
  trace_timer_ = loop_.Every(kTracePoll, [this] {
    DrainTraces();
    LookForFaults();
    captures_.Tick(loop_.Now());
  });
  error_timer_ = loop_.Every(kErrorPoll, [this] {
    LookForErrors();
    LookForHangs(loop_.Now());
  });
  return CheckMemory();
}

absl::Status Switch::CheckMemory() const {
  return reserve_ == nullptr ? absl::OkStatus() : reserve_->Check();
}

void Switch::Stop() {
  stopping_ = true;
  commands_ = nullptr;
  while (!ports_.ports().empty()) ForgetPort(ports_.ports().back()->id);
  if (plan_ != nullptr) {
    // Cannot fail: there is nothing left to wire.
    Publish().IgnoreError();
  }
  // Workers that still run pass a quiescent state within a round.
  while (rcu_.Poll() != 0) loop_.RunOnce(kGracePoll);
  for (const auto& worker : workers_) worker->Stop();
  watcher_.RemoveGraphs();
  workers_.clear();
  loop_.Cancel(rcu_timer_);
  loop_.Cancel(rate_timer_);
  loop_.Cancel(trace_timer_);
  loop_.Cancel(error_timer_);
  rcu_timer_ = rate_timer_ = trace_timer_ = error_timer_ = 0;
}

std::vector<PortId> Switch::PortIds() const {
  std::vector<PortId> ids;
  for (const auto& port : ports_.ports()) ids.push_back(port->id);
  return ids;
}

std::vector<Finding> Switch::Explain(PortId port) const {
  std::vector<Finding> findings;
  for (const Module* module : all_modules_) {
    for (Finding& finding : module->Explain(port)) findings.push_back(std::move(finding));
  }
  return findings;
}

std::string Switch::PortDirectory(std::string_view name) const {
  return Cat(runtime_dir_, "/ports/", name);
}

const PortKind* Switch::FindKind(std::string_view name) const {
  const auto found = std::find_if(registry_.kinds().begin(), registry_.kinds().end(),
                                  [&](const PortKind& kind) { return kind.name == name; });
  return found == registry_.kinds().end() ? nullptr : &*found;
}

void Switch::PlaceQueue(Port& port) {
  struct Load {
    size_t of_port = 0, total = 0;  // queues
    auto operator<=>(const Load&) const = default;
  };
  std::vector<Load> load(std::max<size_t>(workers_.size(), 1));
  for (const auto& other : ports_.ports()) {
    for (const WorkerId worker : other->workers) {
      ++load[worker.value()].total;
      if (other.get() == &port) ++load[worker.value()].of_port;
    }
  }
  const auto least = std::min_element(load.begin(), load.end()) - load.begin();
  port.workers.push_back(WorkerId(static_cast<uint16_t>(least)));
}

absl::Status Switch::AddPort(const PortConfig& config) {
  // The loop still turns while workers let go, and the shell with it.
  if (stopping_) return absl::FailedPreconditionError("weftd is about to stop");
  if (absl::Status status = reserve_ == nullptr ? absl::OkStatus() : reserve_->Restore();
      !status.ok())
    return status;
  const absl::StatusOr<Port*> added = ports_.Add(config.name);
  if (!added.ok()) return added.status();
  Port& port = **added;
  absl::Status status = MakePort(port, config);
  if (status.ok()) status = CheckMemory();
  if (!status.ok()) {
    RetirePort(port.id).IgnoreError();  // what was there before could be published, so it still can
    return absl::Status(status.code(), Cat("port \"", config.name, "\": ", MessageOf(status)));
  }
  LogInfo(Cat("port ", config.name, ": added to bridge ", config.bridge, ", kind ", config.kind,
              ", worker ", WorkersOf(port)));
  events_.Add(EventKind::kPortAdded, config.name,
              Cat("kind ", config.kind, ", bridge ", config.bridge));
  return absl::OkStatus();
}

absl::Status Switch::MakePort(Port& port, const PortConfig& wanted) {
  const PortConfig& config = *(port_configs_[port.name] = std::make_unique<PortConfig>(wanted));
  const PortKind* kind = FindKind(config.kind);
  if (kind == nullptr)
    return absl::NotFoundError(Cat("there is no kind of port \"", config.kind, "\""));
  stats_.StartPort(port.id);
  port.kind = config.kind;
  port.bridge = config.bridge;
  port.mtu = config.mtu;
  PlaceQueue(port);
  port.wiring.output = kind->output;
  SetWiring(port, config);
  for (Module* module : all_modules_) {
    if (absl::Status status = module->AddPort(port.id, config); !status.ok()) return status;
  }
  if (absl::Status status = MakeBackend(port, config, *kind); !status.ok()) return status;
  if (absl::Status status = Publish(); !status.ok()) return status;
  return port.backend->Open();
}

absl::Status Switch::RemovePort(std::string_view name) {
  Port* port = ports_.Find(name);
  if (port == nullptr) return absl::NotFoundError(Cat("there is no port \"", name, "\""));
  const absl::Status status = RetirePort(port->id);
  LogInfo(Cat("port ", name, ": deleted"));
  events_.Add(EventKind::kPortDeleted, name, "");
  return status;
}

// The end of a port while others go on. Its number may be another's as soon as no worker can find
// it in any table, which is not before the arcs have been published without it.
absl::Status Switch::RetirePort(PortId id) {
  ForgetPort(id);
  absl::Status status = Publish();
  ports_.Release(id);
  return status;
}

// Takes a port out of everything but the arcs.
void Switch::ForgetPort(PortId id) {
  if (ports_.Find(id)->up) SetUp(id, false);
  for (Module* module : all_modules_) module->RemovePort(id);
  const std::string name = ports_.Find(id)->name;
  ports_.Remove(id);
  errors_.erase(id);
  // Its backend has unpublished, but its kind may look at the config until workers have let go.
  if (auto config = port_configs_.extract(name); !config.empty())
    Forget(std::move(config.mapped()));
}

absl::Status Switch::Publish() {
  absl::StatusOr<std::unique_ptr<const ArcTables>> tables =
      ArcTables::Build(*plan_, ports_.Wirings(), layouts_);
  if (!tables.ok()) return tables.status();
  tables_.Store(rcu_, *std::move(tables));
  return absl::OkStatus();
}

// Down is told again: who was never up may have sent, and modules have learned of it.
void Switch::SetUp(PortId id, bool up) {
  Port* port = ports_.Find(id);
  if (port == nullptr || (up && port->up)) return;
  const bool was_up = std::exchange(port->up, up);
  for (Module* module : all_modules_) {
    if (up) {
      module->PortUp(id);
    } else {
      module->PortDown(id);
    }
  }
  if (up) {
    events_.Add(EventKind::kPortUp, port->name, "");
  } else if (port->backend != nullptr) {
    // Its kind knows why when it has told everybody, and not before.
    loop_.Post([self = std::weak_ptr<Switch*>(self_), id, was_up] {
      if (const auto there = self.lock()) (*there)->TellDown(id, was_up);
    });
  }
}

void Switch::DrainTraces() {
  for (const auto& worker : workers_) traces_.Drain(worker->id(), worker->graph().trace_ring());
}

uint64_t Switch::LostTraceSteps() const {
  uint64_t lost = 0;
  for (const auto& worker : workers_) lost += worker->graph().trace_ring().lost.value();
  return lost;
}

}  // namespace weft
