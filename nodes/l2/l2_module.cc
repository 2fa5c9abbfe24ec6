// SPDX-License-Identifier: Apache-2.0
#include "nodes/l2/l2_module.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/port/port_table.h"
#include "nodes/l2/flood.h"
#include "nodes/l2/l2_switch.h"

namespace weft::l2 {
namespace {

constexpr Time kTick = std::chrono::milliseconds(100);

std::vector<Column> FdbColumns() {
  return {{"bridge", "where the address was seen"},
          {"mac", "the address"},
          {"port", "the port that it is on"},
          {"static", "configured, not learned", CellKind::kFlag},
          {"age", "seconds since it was last a source", CellKind::kCount}};
}

std::vector<Column> BridgeColumns() {
  return {{"name", "the bridge's name"},
          {"ports", "its ports"},
          {"addresses", "entries in the forwarding database", CellKind::kCount}};
}

}  // namespace

L2Module::L2Module() = default;

L2Module::~L2Module() {
  if (loop_ == nullptr) return;
  loop_->Cancel(tick_timer_);
  loop_->Cancel(move_timer_);
}

void L2Module::Register(Registry& registry) {
  loop_ = &registry.services().loop;
  ports_ = &registry.services().ports;
  state_ = std::make_unique<L2State>(registry.services().rcu);
  bridges_ =
      std::make_unique<L2Bridges>(*state_, *ports_, [this](PortId port, const MacAddress& mac) {
        const Entry entry(state_->bridge_name(state_->table().port(port).bridge), mac);
        const auto own = own_.find(port);
        const auto configured = static_.find(entry);
        return (own != own_.end() && own->second == entry) ||
               (configured != static_.end() && configured->second == port);
      });
  registry.ProvideBridges(*bridges_);
  state_->Tick(loop_->Now());
  tick_timer_ = loop_->Every(kTick, [this] { state_->Tick(loop_->Now()); });
  moves_ = std::make_unique<MoveWatch>(*state_, *ports_, registry.services().events);
  move_timer_ = loop_->Every(MoveWatch::kPeriod, [this] { moves_->Look(); });
  registry.AddNode<L2Switch>(
      [this](WorkerId) { return std::make_unique<L2Switch>(*state_); },
      [this](WorkerId) { return std::make_unique<L2Switch>(*state_, L2Switch::Run::kDry); });
  registry.AddNode<Flood>([this](WorkerId) { return std::make_unique<Flood>(*state_); });
  registry.AddCommand({.words = "show l2 fdb",
                       .arguments = {{.name = "bridge",
                                      .help = "of this bridge alone",
                                      .optional = true,
                                      .keyword = true,
                                      .value = "bridge"},
                                     {.name = "mac",
                                      .help = "this address alone",
                                      .optional = true,
                                      .keyword = true,
                                      .value = "mac"}},
                       .help = "The forwarding database: which address is on which port",
                       .shape = Shape::Rows(FdbColumns()),
                       .run = [this](const Arguments& arguments) { return ShowFdb(arguments); }});
  registry.AddCommand(
      {.words = "show bridges",
       .help = "The bridges and their ports",
       .shape = Shape::Rows(BridgeColumns()),
       .run = [this](const Arguments&) -> absl::StatusOr<Reply> { return ShowBridges(); }});
  registry.NameBridges([this](BridgeId bridge) {
    return bridge.value() < kMaxBridges ? state_->bridge_name(bridge) : std::string();
  });
  registry.AddValues({.kind = "bridge", .list = [this] { return BridgeNames(); }});
  registry.AddValues({.kind = "mac", .list = [this] {
                        std::vector<std::string> macs;
                        for (const FdbEntry& entry : state_->Entries())
                          macs.push_back(entry.mac.ToString());
                        return macs;
                      }});
}

absl::Status L2Module::AddBridge(const BridgeConfig& bridge) {
  return state_->AddBridge(bridge.name, static_cast<Seconds>(bridge.ageing.count())).status();
}

void L2Module::RemoveBridge(const std::string& name) {
  // Its ports are gone by now, so it cannot refuse.
  state_->RemoveBridge(state_->FindBridge(name)).IgnoreError();
}

absl::Status L2Module::ChangeBridge(const BridgeConfig& bridge) {
  return state_->SetAgeing(state_->FindBridge(bridge.name),
                           static_cast<Seconds>(bridge.ageing.count()));
}

absl::Status L2Module::AddPort(PortId port, const PortConfig& config) {
  const BridgeId bridge = state_->FindBridge(config.bridge);
  if (!bridge.valid())
    return absl::NotFoundError(Cat("there is no bridge \"", config.bridge, "\""));
  absl::Status status =
      state_->AddPort(port, bridge, {.mac = config.mac, .mac_limit = config.MacLimit()});
  if (status.ok() && config.mac) own_[port] = Entry(config.bridge, *config.mac);
  return status;
}

void L2Module::RemovePort(PortId port) {
  state_->RemovePort(port);
  bridges_->RemovePort(port);
  own_.erase(port);
  std::erase_if(static_, [port](const auto& entry) { return entry.second == port; });
}

absl::Status L2Module::Configured(const Config& config) {
  Retain(config);
  for (const BridgeConfig& bridge : config.bridges) {
    for (const StaticEntry& entry : bridge.static_entries) {
      for (const auto& port : ports_->ports()) {
        if (port->name != entry.port) continue;
        if (absl::Status status =
                state_->AddStatic(state_->FindBridge(bridge.name), entry.mac, port->id);
            !status.ok()) {
          return status;
        }
        static_[Entry(bridge.name, entry.mac)] = port->id;
      }
    }
  }
  return absl::OkStatus();
}

void L2Module::Retain(const Config& config) {
  std::erase_if(static_, [&](const auto& item) {
    const auto& [bridge, mac] = item.first;
    const PortId port = item.second;
    const std::string name = ports_->NameOf(port);
    const BridgeConfig* const wanted = config.FindBridge(bridge);
    const bool stays =
        wanted != nullptr && std::any_of(wanted->static_entries.begin(),
                                         wanted->static_entries.end(), [&](const StaticEntry& e) {
                                           return e.mac == item.first.second && e.port == name;
                                         });
    // What is the port's own as well, or somebody else has added, stays in the database for that
    // reason.
    const auto own = own_.find(port);
    if (!stays && (own == own_.end() || own->second != item.first) && !bridges_->Has(port, mac)) {
      state_->RemoveStatic(state_->FindBridge(bridge), mac).IgnoreError();  // it is there
    }
    return !stays;
  });
}

void L2Module::PortUp(PortId port) { state_->PortUp(port); }
void L2Module::PortDown(PortId port) { state_->PortDown(port); }

std::vector<Finding> L2Module::Explain(PortId port) const {
  std::vector<Finding> findings;
  const auto known = std::find_if(ports_->ports().begin(), ports_->ports().end(),
                                  [&](const auto& p) { return p->id == port; });
  if (known == ports_->ports().end()) return findings;
  const std::string& bridge = (*known)->bridge;
  size_t others = 0, up = 0;
  for (const auto& other : ports_->ports()) {
    if (other->id == port || other->bridge != bridge) continue;
    ++others;
    up += other->up ? 1 : 0;
  }
  if (others == 0) {
    findings.push_back({Cat("it is alone in bridge ", bridge),
                        "packets go nowhere from there: give another port `bridge = \"" + bridge +
                            "\"`, or this one the bridge of those that it is to talk to"});
  } else if (up == 0) {
    findings.push_back(
        {others == 1 ? Cat("the only other port in bridge ", bridge, " is not up")
                     : Cat("none of the ", others, " other ports in bridge ", bridge, " is up"),
         "ask why of each"});
  }
  const std::optional<FdbMove> lost = state_->fdb().last_move(port);
  const PortId holder =
      lost ? state_->fdb().Lookup(FdbKey(state_->FindBridge(bridge), lost->mac)) : PortId();
  if (holder.valid() && holder != port) {
    findings.push_back({Cat("its address ", lost->mac.ToString(), " is on port ",
                            ports_->NameOf(holder), " now, which sends from it too"),
                        "two containers have one address, or one of them lies: `mac = \"" +
                            lost->mac.ToString() + "\"` at its port makes it this one's alone"});
  }
  return findings;
}

absl::StatusOr<Reply> L2Module::ShowFdb(const Arguments& arguments) const {
  const std::string_view only = arguments.Text("bridge");
  if (!only.empty() && !state_->FindBridge(only).valid()) {
    return absl::NotFoundError(
        Cat("there is no bridge \"", only, "\" (there are: ", Join(BridgeNames(), ", "), ")"));
  }
  std::optional<MacAddress> mac;
  if (const std::string_view typed = arguments.Text("mac"); !typed.empty()) {
    mac = MacAddress::Parse(typed);
    if (!mac) return absl::InvalidArgumentError(Cat("\"", typed, "\" is no MAC address"));
  }
  Table table{.columns = FdbColumns(), .if_empty = "no addresses"};
  for (const FdbEntry& entry : state_->Entries()) {
    const std::string& bridge = state_->bridge_name(entry.bridge);
    if ((!only.empty() && bridge != only) || (mac && entry.mac != *mac)) continue;
    table.rows.push_back({bridge, entry.mac.ToString(), ports_->NameOf(entry.port), entry.is_static,
                          entry.is_static ? Cell() : Cell(uint64_t{entry.age})});
  }
  return Reply(std::move(table));
}

std::vector<std::string> L2Module::BridgeNames() const {
  std::vector<std::string> names;
  for (uint16_t number = 0; number < kMaxBridges; ++number) {
    const std::string& name = state_->bridge_name(BridgeId(number));
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

Reply L2Module::ShowBridges() const {
  std::map<std::string, std::vector<std::string>> members;
  for (const auto& port : ports_->ports()) members[port->bridge].push_back(port->name);
  std::map<std::string, uint64_t> addresses;
  for (const FdbEntry& entry : state_->Entries()) ++addresses[state_->bridge_name(entry.bridge)];
  Table table{.columns = BridgeColumns(), .if_empty = "no bridges"};
  for (const std::string& bridge : BridgeNames()) {
    table.rows.push_back({bridge, Join(members[bridge], ", "), addresses[bridge]});
  }
  return table;
}

}  // namespace weft::l2
