// SPDX-License-Identifier: Apache-2.0
#include "plugins/mirror/mirror.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "plugins/mirror/saved_mirrors.h"

namespace weft::mirror {
namespace {

std::vector<Column> Columns() {
  return {{"port", "whose packets are copied"},
          {"mirror", "ingress-mirror: what it sends; egress-mirror: what it is sent"},
          {"to", "the port that gets the copies, or the file"},
          {"sample", "one packet in so many", CellKind::kCount},
          {"mirrored", "packets that were copied", CellKind::kCounter},
          {"lost", "copies that were lost", CellKind::kCounter},
          {"state", "why copies are lost", CellKind::kText}};
}

class MirrorModule final : public Module {
 public:
  static constexpr std::string_view kName = "mirror";

  ~MirrorModule() override {
    if (services_) services_->loop.Cancel(timer_);
    Drain();
    // No worker has a node any more that could send them, or count them.
    size_t waited = 0;
    for (const auto& [worker, state] : states_) waited += state->waiting.size();
    if (waited != 0)
      LogWarning(
          Cat("mirror: ", waited, " copies that waited for their port went with this build"));
  }

  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    services_.emplace(registry.services());
    Add<Arc::kPortInput>(registry, ingress_);
    Add<Arc::kPortOutput>(registry, egress_);
    registry.AddNode<MirrorInput>([this](WorkerId worker) {
      return std::make_unique<MirrorInput>(targets_, StateOf(worker));
    });
    registry.AddCommand(
        {.words = "show mirror",
         .help = "Ports whose packets are copied, where to, and how many copies were lost",
         .shape = Shape::Rows(Columns()),
         .run = [this](const Arguments&) -> absl::StatusOr<Reply> { return Show(); }});
  }

  absl::Status AddPort(PortId port, const PortConfig& config) override {
    Want(port, config);
    Publish();
    return absl::OkStatus();
  }
  void RemovePort(PortId port) override {
    Drain();
    for (Side* side : {&ingress_, &egress_}) side->wanted.erase(port);
    up_[port.value()] = false;
    Publish();
  }
  void PortUp(PortId port) override { SetUp(port, true); }
  void PortDown(PortId port) override { SetUp(port, false); }
  // All ports are there: a table that is new may name those that are, and its file is opened.
  absl::Status Configured(const Config& config) override {
    for (const auto& port : services_->ports.ports()) {
      const PortConfig* const wanted = config.FindPort(port->name);
      if (wanted != nullptr) Want(port->id, *wanted);
    }
    absl::Status status;
    for (Side* side : {&ingress_, &egress_}) {
      for (auto& [port, wanted] : side->wanted) {
        if (wanted.resolved || !status.ok()) continue;
        status = Resolve(port, wanted, *side);
      }
    }
    Publish();
    return status;
  }

  std::string SaveState() const override {
    SavedMirrors saved;
    for (const Side* side : {&ingress_, &egress_}) {
      for (const auto& [port, wanted] : side->wanted) {
        saved.mirrors.push_back(
            {.port = services_->ports.NameOf(port),
             .mirror = std::string(side->node),
             .mirrored = wanted.counts->mirrored.load(std::memory_order_relaxed),
             .lost = wanted.counts->lost.load(std::memory_order_relaxed),
             .file = wanted.config.file});
      }
    }
    return SavedText(saved);
  }
  // The file of the build before is still that one's, until it has gone.
  absl::Status RestoreState(std::string_view state) override {
    const absl::StatusOr<SavedMirrors> saved = ReadSaved<SavedMirrors>(state);
    if (!saved.ok()) return saved.status();
    for (const SavedMirror& one : saved->mirrors) {
      Side& side = one.mirror == ingress_.node ? ingress_ : egress_;
      const auto wanted = side.wanted.find(Find(one.port));
      if (wanted == side.wanted.end()) continue;
      wanted->second.counts->mirrored.store(one.mirrored, std::memory_order_relaxed);
      wanted->second.counts->lost.store(one.lost, std::memory_order_relaxed);
      if (wanted->second.file != nullptr && wanted->second.file->path() == one.file)
        wanted->second.file->Continue();
    }
    return absl::OkStatus();
  }

 private:
  struct Wanted {
    MirrorConfig config;
    bool resolved = false;  // its port was there and its file could be opened
    std::shared_ptr<MirrorFile> file;
    std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  };
  struct Side {
    std::string_view node;
    std::map<PortId, Wanted> wanted;
    Published<Mirrors> published;
  };

  template <Arc kArc>
  void Add(Registry& registry, const Side& side) {
    registry.AddNode<Mirror<kArc>>(
        [this, &side](WorkerId worker) {
          return std::make_unique<Mirror<kArc>>(side.published, StateOf(worker));
        },
        [&side](WorkerId) { return std::make_unique<Mirror<kArc>>(side.published, nullptr); });
  }
  std::shared_ptr<WorkerState> StateOf(WorkerId worker) {
    std::shared_ptr<WorkerState>& state = states_[worker];
    if (state == nullptr) state = std::make_shared<WorkerState>();
    return state;
  }

  // The port has these tables from now on; one that is the same goes on as it is.
  void Want(PortId port, const PortConfig& config) {
    for (Side* side : {&ingress_, &egress_}) {
      const auto table = config.features.find(std::string(side->node));
      if (table == config.features.end()) {
        if (side->wanted.contains(port)) Drain();
        side->wanted.erase(port);
        continue;
      }
      const auto& wanted = table->second.As<MirrorConfig>();
      const auto known = side->wanted.find(port);
      if (known != side->wanted.end() && known->second.config == wanted) continue;
      Drain();
      side->wanted.insert_or_assign(port, Wanted{.config = wanted, .file = nullptr});
    }
  }
  absl::Status Resolve(PortId port, Wanted& wanted, const Side& side) {
    const auto error = [&](std::string_view what) {
      return absl::InvalidArgumentError(
          Cat("port \"", services_->ports.NameOf(port), "\": ", side.node, ": ", what));
    };
    if (wanted.config.to) {
      const PortId to = Find(*wanted.config.to);
      if (!to.valid()) return error(Cat("there is no port ", Quoted(*wanted.config.to)));
      if (to == port) return error("a port cannot get copies of its own packets");
    }
    if (wanted.config.file) {
      absl::StatusOr<std::shared_ptr<MirrorFile>> file = FileOf(wanted.config);
      if (!file.ok()) return error(MessageOf(file.status()));
      wanted.file = *std::move(file);
    }
    wanted.resolved = true;
    return absl::OkStatus();
  }
  // Several mirrors may share a file.
  absl::StatusOr<std::shared_ptr<MirrorFile>> FileOf(const MirrorConfig& config) {
    const uint64_t max_size = uint64_t{config.max_size} << 20;
    for (const Side* side : {&ingress_, &egress_}) {
      for (const auto& [port, other] : side->wanted) {
        if (other.file == nullptr || other.file->path() != *config.file) continue;
        if (other.file->max_size() == max_size) return other.file;
        return absl::InvalidArgumentError(Cat(
            "the file ", Quoted(*config.file), " has a max-size of ", other.file->max_size() >> 20,
            " MiB for port \"", services_->ports.NameOf(port), "\""));
      }
    }
    return MirrorFile::Open(*config.file, max_size);
  }
  PortId Find(std::string_view name) const {
    for (const auto& port : services_->ports.ports()) {
      if (port->name == name) return port->id;
    }
    return {};
  }
  void SetUp(PortId port, bool up) {
    up_[port.value()] = up;
    Publish();
  }

  void Publish() {
    // First: no copy is made for a port that is not among them yet.
    targets_.Store(services_->rcu, std::make_unique<const Targets>(TargetsNow()));
    bool files = false;
    for (Side* side : {&ingress_, &egress_}) {
      auto mirrors = std::make_unique<Mirrors>();
      bool any = false;
      for (const auto& [port, wanted] : side->wanted) {
        if (!wanted.resolved) continue;
        any = true;
        files |= wanted.file != nullptr;
        (*mirrors)[port.value()] = RuleOf(port, wanted);
      }
      if (any || side->published.Load() != nullptr)
        side->published.Store(services_->rcu, std::move(mirrors));
    }
    constexpr auto kPace = std::chrono::milliseconds(10);
    if (files && timer_ == 0) timer_ = services_->loop.Every(kPace, [this] { Drain(); });
    if (!files && timer_ != 0) services_->loop.Cancel(std::exchange(timer_, 0));
  }
  Targets TargetsNow() const {
    Targets targets;
    for (const Side* side : {&ingress_, &egress_}) {
      for (const auto& [port, wanted] : side->wanted) {
        const PortId to = wanted.config.to ? Find(*wanted.config.to) : PortId();
        if (to.valid() && up_[to.value()]) targets.set(to.value());
      }
    }
    return targets;
  }
  std::shared_ptr<const MirrorRule> RuleOf(PortId port, const Wanted& wanted) const {
    MirrorRule rule{.port = services_->ports.NameOf(port),
                    .has_to = wanted.config.to.has_value(),
                    .to = {},
                    .file = wanted.file,
                    .sample = wanted.config.sample,
                    .counts = wanted.counts};
    if (rule.has_to) rule.to = Find(*wanted.config.to);
    rule.to_up = rule.to.valid() && up_[rule.to.value()];
    return std::make_shared<const MirrorRule>(std::move(rule));
  }

  // Writes what workers have left for files: what is in the rings now, so it ends. As long as
  // somebody else writes one of the files all of it stays there.
  void Drain() {
    bool ours = true;
    for (const Side* side : {&ingress_, &egress_}) {
      for (const auto& [port, wanted] : side->wanted) {
        if (wanted.file != nullptr && wanted.file->open())
          ours &= wanted.file->IsOurs(services_->loop.Now());
      }
    }
    if (!ours) return;
    CapturedStep step;
    std::vector<uint8_t> bytes;
    for (const auto& [worker, state] : states_) {
      const uint64_t now = Cycles();
      while (const CapturedStep* const front = state->ring.Front()) {
        if (front->cycles > now) break;
        state->ring.Pop(step, bytes);
        const bool out =
            step.verdict == static_cast<VerdictCode>(Mirror<Arc::kPortOutput>::kDirection);
        const Mirrors* const mirrors = (out ? egress_ : ingress_).published.Load();
        const PortId port = out ? step.out_port : step.in_port;
        const MirrorRule* const rule =
            mirrors == nullptr ? nullptr : (*mirrors)[port.value()].get();
        if (rule == nullptr || rule->file == nullptr) continue;
        if (rule->file->Add(rule->port, step, bytes)) continue;
        rule->counts->mirrored.fetch_sub(1, std::memory_order_relaxed);
        rule->counts->lost.fetch_add(1, std::memory_order_relaxed);
      }
    }
    for (const Side* side : {&ingress_, &egress_}) {
      for (const auto& [port, wanted] : side->wanted) {
        if (wanted.file != nullptr) wanted.file->Flush();
      }
    }
  }

  Reply Show() const {
    Table table{.columns = Columns(), .if_empty = "no port's packets are copied"};
    for (const Side* side : {&ingress_, &egress_}) {
      for (const auto& [port, wanted] : side->wanted) {
        std::vector<std::string> to, state;
        if (wanted.config.to) {
          to.push_back(*wanted.config.to);
          const PortId target = Find(*wanted.config.to);
          if (!target.valid()) {
            state.push_back(Cat("there is no port ", Quoted(*wanted.config.to)));
          } else if (!up_[target.value()]) {
            state.push_back(Cat("port ", Quoted(*wanted.config.to), " is down"));
          }
        }
        if (wanted.file != nullptr) {
          to.push_back(wanted.file->path());
          if (wanted.file->waits()) state.push_back("somebody else still writes the file");
          if (!wanted.file->open())
            state.push_back(Cat("the file has ended: ", wanted.file->ended()));
        }
        table.rows.push_back({services_->ports.NameOf(port), std::string(side->node), Join(to),
                              uint64_t{wanted.config.sample},
                              wanted.counts->mirrored.load(std::memory_order_relaxed),
                              wanted.counts->lost.load(std::memory_order_relaxed),
                              state.empty() ? "running" : Join(state, "; ")});
      }
    }
    return table;
  }

  std::optional<ModuleServices> services_;
  std::map<WorkerId, std::shared_ptr<WorkerState>> states_;
  Side ingress_{.node = Mirror<Arc::kPortInput>::kSpec.name, .wanted = {}, .published = {}};
  Side egress_{.node = Mirror<Arc::kPortOutput>::kSpec.name, .wanted = {}, .published = {}};
  Published<Targets> targets_;
  std::array<bool, kMaxPorts> up_{};
  EventLoop::TimerId timer_ = 0;
};

}  // namespace
}  // namespace weft::mirror

WEFT_PLUGIN(weft::mirror::MirrorModule);
