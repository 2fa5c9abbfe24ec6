// SPDX-License-Identifier: Apache-2.0
// heartbeat: a port with the table `heartbeat = { every = "1s" }` is sent a frame at that pace.
// It shows what a plugin does that is more than one node: a module with two of them, state for each
// port and each worker, a timer on the control thread, packets of its own, a command.
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "core/sdk/weft.h"

namespace weft::plugins {

struct HeartbeatConfig {
  std::chrono::milliseconds every{1000};

  static constexpr auto kFields =
      Fields(Field<&HeartbeatConfig::every>("every", "from one frame to the next"));
};

// What workers see: how many frames each port should have been sent by now. It only grows.
struct Beats {
  std::map<PortId, uint64_t> due;
};

class HeartbeatInput final : public Input<HeartbeatInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "heartbeat-input", .help = "Makes frames that are due."};
  // An input that says nothing has the one Next port-input.
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kPortOutput, "port-output", "every frame that was made"}});
  enum class Counter : uint8_t { kMade };
  static constexpr auto kCounters = Labels<Counter>({{Counter::kMade, "made", "frames"}});

  HeartbeatInput(const Published<Beats>& beats, WorkerId worker) : beats_(beats), worker_(worker) {}

  void Poll(Frame& frame) {
    const Beats* const beats = Due();
    if (beats == nullptr) return;
    for (const auto& [port, due] : beats->due) {
      while (sent_[port.value()] < due && frame.room() > 0) {
        Packet* const packet = graph_->pool().Take();
        if (packet == nullptr) return;  // the rest in the next round
        Fill(*packet, port);
        frame.Push(packet);
        ++sent_[port.value()];
        Count(Counter::kMade);
      }
    }
  }

  // What control publishes wakes a worker that sleeps, so this one may.
  bool CanSleep() { return true; }
  void PrepareSleep(SleepSet& set) {
    const Beats* const beats = Due();
    if (beats == nullptr) return;
    for (const auto& [port, due] : beats->due) {
      if (sent_[port.value()] < due) set.StayAwake();
    }
  }

 private:
  // One worker sends for all.
  const Beats* Due() const { return worker_ == WorkerId(0) ? beats_.Load() : nullptr; }

  static void Fill(Packet& packet, PortId port) {
    constexpr std::array<uint8_t, 60> kFrame = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // to all
                                                2,    0,    0,    0,    0,    1,     // from us
                                                0x88, 0xb5};  // IEEE 802, for experiments
    uint8_t* const to = packet.snapshot() + Packet::kVirtioNetHeader;
    std::copy(kFrame.begin(), kFrame.end(), to);
    packet.Reset(port, to, kFrame.size());
    packet.set_out_port(port);
  }

  const Published<Beats>& beats_;
  const WorkerId worker_;
  std::array<uint64_t, kMaxPorts> sent_{};  // of this worker, by port
};

class Heartbeat final : public Feature<Heartbeat, HeartbeatConfig> {
 public:
  static constexpr NodeSpec kSpec{.name = "heartbeat",
                                  .arc = "port-output",
                                  .help = "Sends the port frames, and counts what it gets."};
  enum class Counter : uint8_t { kSeen };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kSeen, "seen", "frames to such ports"}});

  void Process(Frame& frame) {
    Count(Counter::kSeen, frame.size());
    ForEach(frame, [](Packet&) -> Verdict { return Continue(); });
  }
};

class HeartbeatModule final : public Module {
 public:
  static constexpr std::string_view kName = "heartbeat";

  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    services_.emplace(registry.services());
    registry.AddNode<HeartbeatInput>(
        [this](WorkerId worker) { return std::make_unique<HeartbeatInput>(beats_, worker); });
    registry.AddNode<Heartbeat>([](WorkerId) { return std::make_unique<Heartbeat>(); });
    registry.AddCommand(
        {.words = "show heartbeat",
         .help = "Ports that are sent frames, and how many were due by now",
         .shape = Shape::Rows(Columns()),
         .run = [this](const Arguments&) -> absl::StatusOr<Reply> { return Show(); }});
  }

  // Ports come with their features, and a feature may come or go alone: this is after either.
  absl::Status Configured(const Config& config) override {
    for (const auto& port : services_->ports.ports()) {
      const PortConfig* const wanted = config.FindPort(port->name);
      if (wanted == nullptr) continue;
      const auto table = wanted->features.find("heartbeat");
      Stop(port->id);
      if (table == wanted->features.end()) continue;
      ports_[port->id].timer = services_->loop.Every(table->second.As<HeartbeatConfig>().every,
                                                     [this, id = port->id] { Beat(id); });
    }
    return absl::OkStatus();
  }
  void RemovePort(PortId port) override { Stop(port); }

 private:
  struct PortBeat {
    EventLoop::TimerId timer = 0;
  };

  static std::vector<Column> Columns() {
    return {{"port", "its name"}, {"due", "frames by now", CellKind::kCounter}};
  }
  Reply Show() const {
    Table table{.columns = Columns(), .if_empty = "no port has a heartbeat"};
    for (const auto& [port, beat] : ports_) {
      const auto due = due_.find(port);
      table.rows.push_back(
          {services_->ports.NameOf(port), due == due_.end() ? uint64_t{0} : due->second});
    }
    return table;
  }
  void Stop(PortId port) {
    const auto beat = ports_.extract(port);
    if (!beat.empty()) services_->loop.Cancel(beat.mapped().timer);
  }
  void Beat(PortId port) {
    ++due_[port];
    beats_.Store(services_->rcu, std::make_unique<const Beats>(Beats{due_}));
  }

  std::optional<ModuleServices> services_;
  std::map<PortId, PortBeat> ports_;  // that have the table
  std::map<PortId, uint64_t> due_;    // of every port that ever had it
  Published<Beats> beats_;
};

}  // namespace weft::plugins

WEFT_PLUGIN(weft::plugins::HeartbeatModule);
