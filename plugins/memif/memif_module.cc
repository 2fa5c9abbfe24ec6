// SPDX-License-Identifier: Apache-2.0
#include "plugins/memif/memif_module.h"

#include <bit>
#include <string>
#include <utility>

#include "plugins/memif/memif_config.h"
#include "plugins/memif/memif_input.h"
#include "plugins/memif/memif_output.h"
#include "plugins/memif/memif_port.h"

namespace weft::memif {
namespace {

std::string DefaultSocket(const std::string& directory) { return Cat(directory, "/memif.sock"); }

// Two ports on one socket would take each other's peers.
void NoSharedSockets(std::span<const KindUse> ports) {
  std::map<std::string, std::string> owners;
  for (const KindUse& use : ports) {
    const auto& config = use.port->kind_config.As<MemifConfig>();
    // A server's socket may have many clients, each with an interface of its own.
    if (config.socket.empty() || config.role == Role::kClient) continue;
    const auto [owner, is_new] = owners.emplace(config.socket, use.port->name);
    if (!is_new) {
      use.place.Key("socket").Error(
          use.table->WhereIs("socket"),
          Cat("\"", config.socket, "\" is the socket of port \"", owner->second, "\""));
    }
  }
}

absl::Status Preflight(const PortConfig& config, const std::string& directory) {
  const absl::StatusOr<EndpointOptions> options =
      EndpointOf(config.kind_config.As<MemifConfig>(), DefaultSocket(directory));
  if (!options.ok()) return options.status();
  return CheckSocketPath(options->path);
}

SessionOptions OptionsOf(const MemifConfig& config, const std::string& port) {
  SessionOptions options;
  options.role = config.role;
  options.id = config.id;
  options.queue_pairs = config.queues;
  options.log2_ring_size = static_cast<uint8_t>(std::bit_width(config.ring_size) - 1);
  options.buffer_size = config.buffer_size;
  options.secret = config.secret;
  options.interface = port;
  options.memory_bytes = uint64_t{config.memory_limit} << 20;
  return options;
}

}  // namespace

class MemifModule::Backend final : public PortBackend {
 public:
  Backend(MemifModule& module, const PortRequest& request, EndpointOptions endpoint)
      : module_(module),
        id_(request.id),
        port_({*module.loop_, *module.rcu_, module.notifier_}, request.id, request.config.name,
              std::move(endpoint),
              OptionsOf(request.config.kind_config.As<MemifConfig>(), request.config.name),
              {request.on_up, request.on_down}),
        rings_{.port = request.id, .mtu = request.config.mtu, .queues = {}} {
    for (size_t pair = 0; pair < port_.options().queue_pairs; ++pair) {
      const WorkerId worker = pair == 0 ? request.worker : request.place_queue();
      port_.to_switch(pair)->kicks = module_.KicksOf(worker);
      rings_.queues.push_back(
          {.worker = worker, .to_switch = port_.to_switch(pair), .to_peer = port_.to_peer(pair)});
    }
    module_.ports_[id_] = this;
    module_.Publish();
  }
  ~Backend() override {
    module_.ports_.erase(id_);
    module_.Publish();
  }

  absl::Status Open() override { return port_.Open(); }
  PortStatus Status() const override;
  std::vector<PortFact> Facts() const override;
  std::vector<Finding> Findings() const override;
  std::vector<PortFact> Attachment() const override;

  MemifPort& port() { return port_; }
  const PortRings& rings() const { return rings_; }

 private:
  MemifModule& module_;
  const PortId id_;
  MemifPort port_;
  PortRings rings_;
};

// What Facts may tell.
std::vector<Column> FactColumns() {
  const auto count = [](std::string name, std::string help) {
    return Column{std::move(name), std::move(help), CellKind::kCount};
  };
  return {{"role", "server: weft listens; client: it connects"},
          count("id", "the interface's number at its socket"),
          {"socket", "the path where both meet"},
          count("connections", "how often somebody connected"),
          count("peer-pid", "the process at the other end, of whoever is connected"),
          count("peer-uid", "and its user"),
          {"peer-name", "what it calls itself"},
          {"peer-interface", "what it calls its interface"},
          count("queues", "queue pairs that the port may have"),
          count("rings-rx", "rings that it sends by"),
          count("rings-tx", "rings that it receives by"),
          count("ring-size-rx", "descriptors of a ring that it sends by; 0 without one"),
          count("ring-size-tx", "descriptors of a ring that it receives by"),
          count("ring-rx-waiting", "frames that weft has not taken yet"),
          count("ring-tx-free", "buffers that wait for frames"),
          count("memory-regions", "regions of memory that are shared"),
          count("memory-bytes", "bytes of them")};
}

// What Attachment tells.
std::vector<Column> AttachmentColumns() {
  return {{"mount", "the folder with the socket, and where it is in the container"},
          {"podman", "the same as an argument of podman's or docker's"},
          {"device", "EAL's argument for the container's device"},
          {"without-huge-pages", "EAL's other arguments where it has no huge pages"}};
}

PortStatus MemifModule::Backend::Status() const {
  const MemifPort::Info info = port_.Describe();
  switch (info.state) {
    case State::kUp:
      return {PortState::kUp, info.reason};
    case State::kError:
      return {PortState::kError, info.reason};
    case State::kWaiting:
    case State::kConnected:
      break;
  }
  return {PortState::kDown,
          info.reason.empty() ? std::string(kStates.help(info.state)) : info.reason};
}

std::vector<PortFact> MemifModule::Backend::Facts() const {
  const MemifPort::Info info = port_.Describe();
  constexpr auto kToPeer = static_cast<size_t>(Direction::kToPeer);
  constexpr auto kToSwitch = static_cast<size_t>(Direction::kToSwitch);
  std::vector<PortFact> facts = {{"role", std::string(LabelsOf(Role()).name(port_.options().role))},
                                 {"id", uint64_t{port_.options().id}},
                                 {"socket", port_.endpoint().path},
                                 {"connections", info.connections}};
  if (info.peer_pid != 0) {
    facts.push_back({"peer-pid", static_cast<uint64_t>(info.peer_pid)});
    facts.push_back({"peer-uid", static_cast<uint64_t>(info.peer_uid)});
  }
  if (!info.peer_name.empty()) facts.push_back({"peer-name", info.peer_name});
  if (!info.peer_interface.empty()) facts.push_back({"peer-interface", info.peer_interface});
  facts.push_back({"queues", uint64_t{port_.options().queue_pairs}});
  facts.push_back({"rings-rx", uint64_t{info.rings[kToSwitch]}});
  facts.push_back({"rings-tx", uint64_t{info.rings[kToPeer]}});
  facts.push_back({"ring-size-rx", uint64_t{info.ring_size[kToSwitch]}});
  facts.push_back({"ring-size-tx", uint64_t{info.ring_size[kToPeer]}});
  if (info.state == State::kUp) {
    facts.push_back({"ring-rx-waiting", uint64_t{info.level[kToSwitch]}});
    facts.push_back({"ring-tx-free", uint64_t{info.level[kToPeer]}});
  }
  facts.push_back({"memory-regions", uint64_t{info.memory_regions}});
  facts.push_back({"memory-bytes", info.memory_bytes});
  return facts;
}

std::vector<Finding> MemifModule::Backend::Findings() const {
  const MemifPort::Info info = port_.Describe();
  std::vector<Finding> findings;
  if (info.state != State::kUp) return findings;
  if (info.level[static_cast<size_t>(Direction::kToPeer)] == 0) {
    findings.push_back({"its ring has no free buffer at this moment",
                        "the application behind it does not read, or reads too slowly: look "
                        "whether it runs, and give it longer rings or more of a core"});
  }
  const size_t pairs = port_.options().queue_pairs;
  const size_t fewest = std::min(info.rings[0], info.rings[1]);
  if (fewest < pairs) {
    findings.push_back({Cat("it runs ", fewest, " of ", pairs, " rings in a direction"),
                        "its device has to be given as many queues"});
  }
  return findings;
}

std::vector<PortFact> MemifModule::Backend::Attachment() const {
  constexpr std::string_view kInside = "/run/weft";
  const std::string& path = port_.endpoint().path;
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  const bool peer_listens = port_.options().role == Role::kClient;
  std::string device =
      Cat("net_memif0,role=", peer_listens ? "server" : "client", ",id=", port_.options().id,
          ",socket-abstract=no,socket=", kInside, "/", path.substr(slash + 1));
  if (!port_.options().secret.empty()) Append(device, ",secret=...");
  return {{"mount", Cat(folder, ":", kInside)},
          {"podman", Cat("--volume ", folder, ":", kInside)},
          {"device", Cat("--vdev=", device)},
          {"without-huge-pages", std::string("--no-huge -m 256 --no-pci")}};
}

MemifModule::MemifModule() = default;

MemifModule::~MemifModule() {
  if (loop_ != nullptr) loop_->Cancel(check_timer_);
}

void MemifModule::Register(Registry& registry) {
  loop_ = &registry.services().loop;
  rcu_ = &registry.services().rcu;
  Publish();
  check_timer_ = loop_->Every(MemifPort::kCheckPeriod, [this] { CheckPorts(); });
  registry.AddNode<MemifInput>([this](WorkerId worker) {
    return std::make_unique<MemifInput>(table_, worker, KicksOf(worker));
  });
  registry.AddNode<MemifOutput>(
      [this](WorkerId worker) { return std::make_unique<MemifOutput>(table_, notifier_, worker); });
  registry.AddPortKind({.name = "memif",
                        .help = "a container or a switch, by shared memory rings (memif 2.0)",
                        .schema = &SchemaOf<MemifConfig>(),
                        .output = "memif-output",
                        .make = [this](const PortRequest& request) { return MakePort(request); },
                        .preflight = Preflight,
                        .validate = NoSharedSockets,
                        .facts = FactColumns(),
                        .attachment = AttachmentColumns()});
}

absl::StatusOr<std::unique_ptr<PortBackend>> MemifModule::MakePort(const PortRequest& request) {
  absl::StatusOr<EndpointOptions> endpoint =
      EndpointOf(request.config.kind_config.As<MemifConfig>(), DefaultSocket(request.directory));
  if (!endpoint.ok()) return endpoint.status();
  return std::make_unique<Backend>(*this, request, *std::move(endpoint));
}

const std::shared_ptr<const KickSet>& MemifModule::KicksOf(WorkerId worker) {
  std::shared_ptr<const KickSet>& kicks = kicks_[worker.value()];
  if (kicks == nullptr) kicks = std::make_shared<const KickSet>();
  return kicks;
}

void MemifModule::Publish() {
  std::vector<PortRings> rings;
  for (const auto& [id, backend] : ports_) rings.push_back(backend->rings());
  table_.Store(*rcu_, std::make_unique<MemifTable>(std::move(rings)));
}

void MemifModule::CheckPorts() {
  // One that ends takes nothing off the list.
  for (const auto& [id, backend] : ports_) backend->port().Check();
}

}  // namespace weft::memif

WEFT_PLUGIN(weft::memif::MemifModule);
