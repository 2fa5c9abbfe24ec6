// SPDX-License-Identifier: Apache-2.0
// neighbours: a port with the table `neighbours = { owns = "02:..." }` has one more address, and
// `show neighbours` says what a port's bridge knows. It shows how a plugin sees bridges, and adds
// addresses that go with it.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "core/sdk/weft.h"

namespace weft::plugins {

struct NeighboursConfig {
  MacAddress owns;

  static constexpr auto kFields =
      Fields(Field<&NeighboursConfig::owns>("owns", "one more address of the port", Required{}));
};

// Lets pass what goes to an address that the bridge knows: a worker may look, too.
class Neighbours final : public Feature<Neighbours, NeighboursConfig> {
 public:
  static constexpr NodeSpec kSpec{.name = "neighbours",
                                  .arc = "port-input",
                                  .before = "l2-switch",
                                  .help = "Drops what would be flooded."};
  enum class Drop : uint8_t { kStranger };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kStranger, "stranger", "the bridge does not know the destination"}});

  explicit Neighbours(const Bridges& bridges) : bridges_(bridges) {}

  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      if (!bridges_.Lookup(packet.in_port(), packet.ethernet().destination).valid())
        return Drop::kStranger;
      return Continue();
    });
  }

 private:
  const Bridges& bridges_;
};

class NeighboursModule final : public Module {
 public:
  static constexpr std::string_view kName = "neighbours";

  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    services_.emplace(registry.services());
    registry.AddNode<Neighbours>(
        [this](WorkerId) { return std::make_unique<Neighbours>(*services_->bridges); });
    registry.AddCommand(
        {.words = "show neighbours",
         .help = "Bridges, their ports and what they know",
         .shape = Shape::Rows(Columns()),
         .run = [this](const Arguments&) -> absl::StatusOr<Reply> { return Show(); }});
  }

  absl::Status Configured(const Config& config) override {
    std::map<PortId, std::unique_ptr<StaticAddress>> owned;
    for (const auto& port : services_->ports.ports()) {
      const PortConfig* const wanted = config.FindPort(port->name);
      if (wanted == nullptr || !wanted->features.contains("neighbours")) continue;
      const MacAddress mac = wanted->features.at("neighbours").As<NeighboursConfig>().owns;
      auto added = services_->bridges->AddStatic(port->id, mac);
      if (!added.ok()) return added.status();
      owned[port->id] = *std::move(added);
    }
    owned_ = std::move(owned);  // those that are not wanted any more go here
    return absl::OkStatus();
  }
  void RemovePort(PortId port) override { owned_.erase(port); }

 private:
  static std::vector<Column> Columns() {
    return {{"bridge", "its name"}, {"ports", "its ports"}, {"addresses", "what it knows"}};
  }
  Reply Show() const {
    const Bridges& bridges = *services_->bridges;
    Table table{.columns = Columns(), .if_empty = "no bridges"};
    for (const std::string& bridge : bridges.Names()) {
      std::vector<std::string> ports, addresses;
      for (const PortId port : bridges.PortsOf(bridge))
        ports.push_back(services_->ports.NameOf(port));
      for (const BridgeAddress& address : bridges.AddressesOf(bridge))
        addresses.push_back(
            Cat(address.mac.ToString(), " on ", services_->ports.NameOf(address.port)));
      std::sort(addresses.begin(), addresses.end());
      table.rows.push_back({bridge, Join(ports), Join(addresses)});
    }
    return table;
  }

  std::optional<ModuleServices> services_;
  std::map<PortId, std::unique_ptr<StaticAddress>> owned_;
};

}  // namespace weft::plugins

WEFT_PLUGIN(weft::plugins::NeighboursModule);
