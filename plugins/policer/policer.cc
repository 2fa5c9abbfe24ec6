// SPDX-License-Identifier: Apache-2.0
#include "plugins/policer/policer.h"

#include <algorithm>
#include <map>
#include <utility>

namespace weft::policer {
namespace {

// One direction: the buckets of the ports that have its table.
class Direction {
 public:
  explicit Direction(std::string_view node) : node_(node) {}

  const Published<Buckets>& published() const { return published_; }

  // The port has this configuration from now on. A bucket whose settings are the same stays.
  absl::Status Set(PortId port, const PortConfig& config) {
    const auto table = config.features.find(std::string(node_));
    if (table == config.features.end()) {
      Remove(port);
      return absl::OkStatus();
    }
    const auto& wanted = table->second.As<PolicerConfig>();
    const Rate rate = *ParseRate(wanted.rate);
    const uint64_t burst = wanted.burst.value_or(rate.DefaultBurst());
    constexpr uint64_t kTag = 4;  // on top of the MTU: IEEE 802.1Q §6.11
    const uint64_t longest = config.mtu + sizeof(EthernetHeader) + kTag;
    if (rate.unit == Unit::kBytes && burst < longest) {
      return absl::InvalidArgumentError(
          Cat("port \"", config.name, "\": ", node_, ".burst: ", burst, " bytes are less than a ",
              "frame of the port's mtu (", longest, "), which would never pass"));
    }
    std::shared_ptr<const Policed>& policed = ports_[port];
    if (policed != nullptr && policed->rate == rate && policed->bucket.burst() == burst)
      return absl::OkStatus();
    policed = std::make_shared<const Policed>(rate, burst);
    changed_ = true;
    return absl::OkStatus();
  }
  void Remove(PortId port) { changed_ |= ports_.erase(port) != 0; }
  // Workers see what was set and removed.
  void Publish(Rcu& rcu) {
    if (!std::exchange(changed_, false)) return;
    auto buckets = std::make_unique<Buckets>();
    for (const auto& [port, policed] : ports_) (*buckets)[port.value()] = policed;
    published_.Store(rcu, std::move(buckets));
  }
  void Show(const PortTable& ports, Table& table) const {
    for (const auto& [port, policed] : ports_) {
      table.rows.push_back({ports.NameOf(port), std::string(node_), policed->rate.ToString(),
                            policed->bucket.burst(),
                            policed->conform.load(std::memory_order_relaxed),
                            policed->exceed.load(std::memory_order_relaxed)});
    }
  }

  void Save(const PortTable& ports, Time now, std::vector<SavedBucket>& to) const {
    for (const auto& [port, policed] : ports_) {
      to.push_back({.port = ports.NameOf(port),
                    .policer = std::string(node_),
                    .tokens = policed->bucket.Level(policed->rate.Earned(now)),
                    .conform = policed->conform.load(std::memory_order_relaxed),
                    .exceed = policed->exceed.load(std::memory_order_relaxed)});
    }
  }
  // Before workers have the port's bucket; if it has one of these.
  void Restore(const PortTable& ports, Time now, const std::vector<SavedBucket>& from) const {
    for (const auto& [port, policed] : ports_) {
      const std::string name = ports.NameOf(port);
      const auto saved = std::find_if(from.begin(), from.end(), [&](const SavedBucket& one) {
        return one.port == name && one.policer == node_;
      });
      if (saved == from.end()) continue;
      policed->bucket.SetLevel(policed->rate.Earned(now), saved->tokens);
      policed->conform.store(saved->conform, std::memory_order_relaxed);
      policed->exceed.store(saved->exceed, std::memory_order_relaxed);
    }
  }

 private:
  const std::string_view node_;
  std::map<PortId, std::shared_ptr<const Policed>> ports_;
  bool changed_ = false;
  Published<Buckets> published_;
};

std::vector<Column> Columns() {
  return {{"port", "its name"},
          {"policer", "ingress-policer: what it sends; egress-policer: what it is sent"},
          {"rate", "as startup.conf says it"},
          {"burst", "packets, or bytes of a rate in bits", CellKind::kCount},
          {"conform", "packets that passed", CellKind::kCounter},
          {"exceed", "packets that were dropped", CellKind::kCounter}};
}

class PolicerModule final : public Module {
 public:
  static constexpr std::string_view kName = "policer";

  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    services_.emplace(registry.services());
    Add<Arc::kPortInput>(registry, input_);
    Add<Arc::kPortOutput>(registry, output_);
    registry.AddCommand({.words = "show policer",
                         .help = "Ports that have a rate, and how many packets were beyond it",
                         .shape = Shape::Rows(Columns()),
                         .run = [this](const Arguments&) -> absl::StatusOr<Reply> {
                           Table table{.columns = Columns(), .if_empty = "no port has a rate"};
                           input_.Show(services_->ports, table);
                           output_.Show(services_->ports, table);
                           return Reply(std::move(table));
                         }});
  }

  absl::Status AddPort(PortId port, const PortConfig& config) override {
    absl::Status status = Set(port, config);
    Publish();
    return status;
  }
  void RemovePort(PortId port) override {
    input_.Remove(port);
    output_.Remove(port);
    Publish();
  }
  // A port that was there may have got other features, or none.
  absl::Status Configured(const Config& config) override {
    absl::Status status;
    for (const auto& port : services_->ports.ports()) {
      const PortConfig* const wanted = config.FindPort(port->name);
      if (wanted != nullptr && status.ok()) status = Set(port->id, *wanted);
    }
    Publish();
    return status;
  }

  // What a port has left, and what was counted, is its own whichever build runs.
  std::string SaveState() const override {
    SavedBuckets saved;
    for (const Direction* direction : {&input_, &output_})
      direction->Save(services_->ports, services_->loop.Now(), saved.buckets);
    return SavedText(saved);
  }
  absl::Status RestoreState(std::string_view state) override {
    const absl::StatusOr<SavedBuckets> saved = ReadSaved<SavedBuckets>(state);
    if (!saved.ok()) return saved.status();
    for (const Direction* direction : {&input_, &output_})
      direction->Restore(services_->ports, services_->loop.Now(), saved->buckets);
    return absl::OkStatus();
  }

 private:
  template <Arc kArc>
  static void Add(Registry& registry, const Direction& direction) {
    const auto make = [&direction](bool dry) {
      return [&direction, dry](WorkerId) {
        return std::make_unique<Policer<kArc>>(direction.published(), dry);
      };
    };
    registry.AddNode<Policer<kArc>>(make(false), make(true));
  }
  absl::Status Set(PortId port, const PortConfig& config) {
    absl::Status status = input_.Set(port, config);
    return status.ok() ? output_.Set(port, config) : status;
  }
  void Publish() {
    input_.Publish(services_->rcu);
    output_.Publish(services_->rcu);
  }

  std::optional<ModuleServices> services_;
  Direction input_{Policer<Arc::kPortInput>::kSpec.name};
  Direction output_{Policer<Arc::kPortOutput>::kSpec.name};
};

}  // namespace
}  // namespace weft::policer

WEFT_PLUGIN(weft::policer::PolicerModule);
