// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/vhost_module.h"

#include <set>
#include <string>
#include <utility>

#include "core/base/text.h"
#include "core/base/unix_socket.h"
#include "core/tenant/endpoint.h"
#include "nodes/vhost/vhost_config.h"
#include "nodes/vhost/vhost_input.h"
#include "nodes/vhost/vhost_output.h"
#include "nodes/vhost/vhost_port.h"

namespace weft::vhost {
namespace {

std::string DefaultSocket(const std::string& directory) { return Cat(directory, "/vhost.sock"); }

// Two ports on one socket would take each other's containers.
void NoSharedSockets(std::span<const KindUse> ports) {
  std::map<std::string, std::string> owners;
  for (const KindUse& use : ports) {
    const std::string& socket = use.port->kind_config.As<VhostConfig>().socket;
    if (socket.empty()) continue;
    const auto [owner, is_new] = owners.emplace(socket, use.port->name);
    if (!is_new) {
      use.place.Key("socket").Error(
          use.table->WhereIs("socket"),
          Cat(Quoted(socket), " is the socket of port ", Quoted(owner->second)));
    }
  }
}

absl::Status Preflight(const PortConfig& config, const std::string& directory) {
  const absl::StatusOr<EndpointOptions> options =
      EndpointOf(config.kind_config.As<VhostConfig>(), DefaultSocket(directory));
  if (!options.ok()) return options.status();
  return CheckSocketPath(options->path);
}

std::string FeatureNames(uint64_t features) {
  static constexpr std::pair<int, std::string_view> kNames[] = {
      {0, "csum"},           {1, "guest-csum"}, {3, "mtu"},        {7, "guest-tso4"},
      {8, "guest-tso6"},     {9, "guest-ecn"},  {11, "host-tso4"}, {12, "host-tso6"},
      {13, "host-ecn"},      {15, "mrg-rxbuf"}, {16, "status"},    {22, "mq"},
      {28, "indirect-desc"}, {29, "event-idx"}, {32, "version-1"}, {34, "packed"},
      {35, "in-order"}};
  std::vector<std::string_view> names;
  for (const auto& [bit, name] : kNames) {
    if ((features >> bit & 1) != 0) names.push_back(name);
  }
  return Join(names, ", ");
}

}  // namespace

class VhostModule::Backend final : public PortBackend {
 public:
  Backend(VhostModule& module, const PortRequest& request, EndpointOptions options,
          size_t queue_pairs, const SessionLimits& limits)
      : module_(module),
        id_(request.id),
        mac_(request.config.mac),
        port_({*module.loop_, *module.rcu_, module.notifier_}, request.id, request.config.name,
              std::move(options), queue_pairs, limits, {request.on_up, request.on_down}),
        rings_{.port = request.id, .mtu = request.config.mtu, .queues = {}} {
    for (size_t pair = 0; pair < queue_pairs; ++pair) {
      const WorkerId worker = pair == 0 ? request.worker : request.place_queue();
      const auto& to_switch = port_.queue(Direction::kToSwitch, pair);
      to_switch->kicks = module_.KicksOf(worker);
      rings_.queues.push_back({.worker = worker,
                               .to_switch = to_switch,
                               .to_peer = port_.queue(Direction::kToGuest, pair)});
    }
    module_.ports_[id_] = this;
    module_.Publish();
  }
  ~Backend() override {
    module_.ports_.erase(id_);
    module_.Publish();
  }

  absl::Status Open() override { return port_.Open(); }
  PortStatus Status() const override {
    const VhostPort::Info info = port_.Describe();
    switch (info.state) {
      case vhost::PortState::kUp:
        return {weft::PortState::kUp, info.reason};
      case vhost::PortState::kError:
        return {weft::PortState::kError, info.reason};
      case vhost::PortState::kWaiting:
      case vhost::PortState::kConnected:
        break;
    }
    return {weft::PortState::kDown,
            info.reason.empty() ? std::string(kPortStates.help(info.state)) : info.reason};
  }
  std::vector<PortFact> Facts() const override;
  std::vector<Finding> Findings() const override;
  std::vector<PortFact> Attachment() const override;

  VhostPort& port() { return port_; }
  const PortRings& rings() const { return rings_; }

 private:
  VhostModule& module_;
  const PortId id_;
  const std::optional<MacAddress> mac_;
  VhostPort port_;
  PortRings rings_;
};

// What Facts may tell.
std::vector<Column> FactColumns() {
  const auto count = [](std::string name, std::string help) {
    return Column{std::move(name), std::move(help), CellKind::kCount};
  };
  return {
      {"socket", "the path where front-end and weft meet"},
      count("connections", "how often somebody connected"),
      count("peer-pid", "the process at the other end, of whoever is connected"),
      count("peer-uid", "and its user"),
      {"negotiated", "the virtio features of the running device"},
      count("driver-mtu", "the MTU that the front-end told its driver, if it said so"),
      count("queues", "queue pairs, or receive queues of a NIC"),
      count("queues-running", "queue pairs whose rings run"),
      count("ring-size-rx", "descriptors of the ring that the container sends by; 0 without one"),
      count("ring-size-tx", "descriptors of the ring that it receives by"),
      count("ring-rx-available", "available index of the ring that it sends by"),
      count("ring-rx-used", "used index of that ring"),
      count("ring-rx-waiting", "frames in it that weft has not taken yet"),
      count("ring-tx-available", "available index of the ring that it receives by"),
      count("ring-tx-used", "used index of that ring"),
      count("ring-tx-free", "buffers in it that wait for frames"),
      count("memory-regions", "regions of its memory table"),
      count("memory-bytes", "bytes of them")};
}

// What Attachment tells.
std::vector<Column> AttachmentColumns() {
  return {{"mount", "the folder with the socket, and where it is in the container"},
          {"podman", "the same as an argument of podman's or docker's"},
          {"device", "EAL's argument for the container's device"},
          {"without-huge-pages", "EAL's other arguments where it has no huge pages"},
          {"with-huge-pages", "and where it has"}};
}

std::vector<PortFact> VhostModule::Backend::Facts() const {
  const VhostPort::Info info = port_.Describe();
  std::vector<PortFact> facts = {{"socket", info.socket}, {"connections", info.connections}};
  if (info.peer_pid != 0) {
    facts.push_back({"peer-pid", static_cast<uint64_t>(info.peer_pid)});
    facts.push_back({"peer-uid", static_cast<uint64_t>(info.peer_uid)});
  }
  facts.push_back({"negotiated", FeatureNames(info.features)});
  if (info.driver_mtu != 0) facts.push_back({"driver-mtu", uint64_t{info.driver_mtu}});
  facts.push_back({"queues", uint64_t{port_.queue_pairs()}});
  facts.push_back({"queues-running", uint64_t{info.queues_running}});
  facts.push_back(
      {"ring-size-rx", uint64_t{info.ring_size[static_cast<size_t>(Direction::kToSwitch)]}});
  facts.push_back(
      {"ring-size-tx", uint64_t{info.ring_size[static_cast<size_t>(Direction::kToGuest)]}});
  const auto add_level = [&](Direction direction, const char* way, const char* what) {
    const std::optional<RingLevel>& level = info.levels[static_cast<size_t>(direction)];
    if (!level) return;
    facts.push_back({Cat("ring-", way, "-available"), uint64_t{level->available}});
    facts.push_back({Cat("ring-", way, "-used"), uint64_t{level->used}});
    facts.push_back({Cat("ring-", way, "-", what), uint64_t{level->waiting}});
  };
  add_level(Direction::kToSwitch, "rx", "waiting");
  add_level(Direction::kToGuest, "tx", "free");
  facts.push_back({"memory-regions", uint64_t{info.memory_regions}});
  facts.push_back({"memory-bytes", info.memory_bytes});
  return facts;
}

std::vector<Finding> VhostModule::Backend::Findings() const {
  const VhostPort::Info info = port_.Describe();
  std::vector<Finding> findings;
  if (info.state != vhost::PortState::kUp) return findings;
  const std::optional<RingLevel>& free = info.levels[static_cast<size_t>(Direction::kToGuest)];
  if (free && free->waiting == 0) {
    findings.push_back({"its receive ring has no free buffer at this moment",
                        "the application in it does not read, or reads too slowly: look whether it "
                        "runs, and give it a longer ring (queue_size) or more of a core"});
  }
  if (info.queues_running < port_.queue_pairs() && info.queues_running != 0) {
    findings.push_back(
        {Cat("it runs ", info.queues_running, " of ", port_.queue_pairs(), " queue pairs"),
         "its device needs the argument queues, and its application must use them"});
  }
  return findings;
}

std::vector<PortFact> VhostModule::Backend::Attachment() const {
  constexpr std::string_view kInside = "/run/weft";
  const EndpointOptions& options = port_.endpoint();
  const size_t slash = options.path.rfind('/');  // it is absolute
  const std::string folder = options.path.substr(0, slash);
  std::string device = Cat("net_virtio_user0,path=", kInside, "/", options.path.substr(slash + 1));
  if (mac_) Append(device, ",mac=", mac_->ToString());
  if (options.connects) Append(device, ",server=1");
  if (port_.queue_pairs() > 1) Append(device, ",queues=", port_.queue_pairs());
  return {{"mount", Cat(folder, ":", kInside)},
          {"podman", Cat("--volume ", folder, ":", kInside)},
          {"device", Cat("--vdev=", device)},
          {"without-huge-pages", std::string("--no-huge -m 256 --no-pci")},
          {"with-huge-pages", std::string("--in-memory --single-file-segments -m 256 --no-pci")}};
}

VhostModule::VhostModule() = default;

VhostModule::~VhostModule() {
  if (loop_ != nullptr) loop_->Cancel(check_timer_);
}

void VhostModule::Register(Registry& registry) {
  loop_ = &registry.services().loop;
  rcu_ = &registry.services().rcu;
  Publish();
  check_timer_ = loop_->Every(VhostPort::kCheckPeriod, [this] { CheckPorts(); });
  registry.AddNode<VhostInput>([this](WorkerId worker) {
    return std::make_unique<VhostInput>(table_, notifier_, worker, KicksOf(worker));
  });
  registry.AddNode<VhostOutput>(
      [this](WorkerId worker) { return std::make_unique<VhostOutput>(table_, notifier_, worker); });
  registry.AddPortKind({.name = "vhost",
                        .help = "a container, by its virtio-user device",
                        .schema = &SchemaOf<VhostConfig>(),
                        .output = "vhost-output",
                        .make = [this](const PortRequest& request) { return MakePort(request); },
                        .preflight = Preflight,
                        .validate = NoSharedSockets,
                        .facts = FactColumns(),
                        .attachment = AttachmentColumns()});
}

absl::StatusOr<std::unique_ptr<PortBackend>> VhostModule::MakePort(const PortRequest& request) {
  const VhostConfig& config = request.config.kind_config.As<VhostConfig>();
  absl::StatusOr<EndpointOptions> options = EndpointOf(config, DefaultSocket(request.directory));
  if (!options.ok()) return options.status();
  SessionLimits limits;
  limits.mtu = request.config.mtu;
  limits.offload = config.offload;
  limits.memory_bytes = uint64_t{config.memory_limit} << 20;
  return std::make_unique<Backend>(*this, request, *std::move(options), config.queues, limits);
}

const std::shared_ptr<const KickSet>& VhostModule::KicksOf(WorkerId worker) {
  std::shared_ptr<const KickSet>& kicks = kicks_[worker.value()];
  if (kicks == nullptr) kicks = std::make_shared<const KickSet>();
  return kicks;
}

void VhostModule::Publish() {
  std::vector<PortRings> rings;
  for (const auto& [id, backend] : ports_) rings.push_back(backend->rings());
  table_.Store(*rcu_, std::make_unique<VhostTable>(std::move(rings)));
}

void VhostModule::CheckPorts() {
  for (const auto& [id, backend] : ports_) backend->port().Check();
}

}  // namespace weft::vhost
