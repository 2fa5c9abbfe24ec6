// SPDX-License-Identifier: Apache-2.0
#include "tests/graph/node_stage.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/base/log.h"
#include "core/base/text.h"

namespace weft::testing {
namespace {

constexpr std::string_view kSwitchName = "stage-switch";
constexpr std::string_view kOutputName = "stage-output";
constexpr std::string_view kBystander = "stage-bystander";

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "test: %s\n", why.c_str());
  std::abort();
}

// The table of a feature in the section of `port`.
std::string TableOf(std::string_view feature, uint16_t port) {
  if (feature == "mac-guard") return Cat("{ allow = \"", NodeStage::Host(port).ToString(), "\" }");
  if (feature.ends_with("-policer")) return "{ rate = \"1pps\", burst = 8 }";
  if (feature.ends_with("-mirror")) return "{ to = \"port-3\" }";
  return "{}";
}

// Puts headers and payload into memory of exactly their size, as a NIC may: whoever reads past the
// end of a short frame is seen by the address sanitizer.
class StageInput final : public Input<StageInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "stage-input", .help = "Frames of a test."};
  explicit StageInput(StageState& state) : state_(state) {}

  void Poll(Frame& frame) {
    while (frame.room() != 0 && !state_.waiting.empty()) {
      Packet* packet = graph_->pool().Take();
      if (packet == nullptr) return;
      Item item = std::move(state_.waiting.front());
      state_.waiting.pop_front();
      const size_t header = std::min(item.frame.size(), item.header_length);
      Bytes& room = lent_.emplace_back(Packet::kVirtioNetHeader + header);
      std::copy_n(item.frame.data(), header, room.data() + Packet::kVirtioNetHeader);
      packet->Reset(item.in_port, room.data() + Packet::kVirtioNetHeader,
                    static_cast<uint32_t>(header));
      if (header < item.frame.size()) {
        Bytes& payload = lent_.emplace_back(item.frame.begin() + static_cast<ptrdiff_t>(header),
                                            item.frame.end());
        packet->SetPayload({ForeignPtr(payload.data()), static_cast<uint32_t>(payload.size())});
      }
      frame.Push(packet);
    }
  }
  void EndDispatch() { lent_.clear(); }

 private:
  StageState& state_;
  std::deque<Bytes> lent_;
};

Bytes BytesOf(const Packet& packet) {
  Bytes frame(packet.header(), packet.header() + packet.header_length());
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& segment = packet.segment(i);
    const size_t at = frame.size();
    frame.resize(at + segment.length);
    segment.data.CopyOut(frame.data() + at, segment.length);
  }
  return frame;
}

// Stands where packets go: takes down what comes, and keeps it.
class Witness final : public Node<Witness> {
 public:
  static constexpr NodeSpec kSpec{.name = "witness", .help = "Takes down what a test sends."};
  Witness(StageState& state, std::string name) : state_(state), name_(std::move(name)) {}
  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      Bytes bytes = BytesOf(packet);
      const uint16_t number = FrameNumber(bytes);
      state_.arrivals.push_back({name_, number, packet.in_port(), packet.out_port(),
                                 packet.out_group(), std::move(bytes)});
      return Consumed();
    });
  }

 private:
  StageState& state_;
  const std::string name_;
};

// Stands before a node that is not where port-input ends: says where packets go, as the test wants.
class Director final : public Node<Director> {
 public:
  static constexpr NodeSpec kSpec{.name = kSwitchName,
                                  .arc = "port-input",
                                  .last = true,
                                  .help = "Sends frames where a test wants them."};
  enum class Next : uint8_t { kOn };
  static constexpr auto kNexts = Labels<Next>({{Next::kOn, "port-output", "every packet"}});
  explicit Director(const StageState& state) : state_(state) {}
  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      const Item& item = state_.items.at(packet.ethernet().type);
      packet.set_out_port(item.out_port);
      packet.set_out_group(item.out_group);
      return Next::kOn;
    });
  }

 private:
  const StageState& state_;
};

// A feature that does nothing: with it, its arc needs an entry.
class Bystander final : public Feature<Bystander> {
 public:
  static constexpr NodeSpec kSpec{.name = kBystander, .arc = "port-input", .help = "Looks on."};
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Continue(); });
  }
};

}  // namespace

uint16_t FrameNumber(const Bytes& frame) {
  return static_cast<uint16_t>(frame[12] << 8 | frame[13]);
}

std::optional<Surroundings> SurroundingsOf(const NodeClass& node) {
  if (node.kind != NodeKind::kInput && node.kind != NodeKind::kOutput) return Surroundings::kMemory;
  static const std::map<std::string_view, Surroundings> kWorlds = {
      {"vhost-input", Surroundings::kContainers},  {"vhost-output", Surroundings::kContainers},
      {"dpdk-input", Surroundings::kNobody},       {"nic-output", Surroundings::kNobody},
      {"af-xdp-input", Surroundings::kNobody},     {"af-xdp-output", Surroundings::kNobody},
      {"memif-input", Surroundings::kNobody},      {"memif-output", Surroundings::kNobody},
      {"mirror-input", Surroundings::kNobody},     {"generator-ingress", Surroundings::kNobody},
      {"generator-egress", Surroundings::kNobody}, {"generator-within", Surroundings::kNobody},
      {"tap-input", Surroundings::kNobody},        {"tap-output", Surroundings::kNobody}};
  const auto found = kWorlds.find(node.spec.name);
  if (found == kWorlds.end()) return std::nullopt;
  return found->second;
}

NodeStage::NodeStage(std::string_view node) : name_(node) {
  SetLogLevel(LogLevel::kOff);
  modules_ = std::make_unique<EveryModule>(harness_.rcu(), plugins_);
  const NodeClass* real = modules_->catalog().Find(name_);
  if (real == nullptr) Fail(Cat("there is no node ", name_));
  const std::optional<Surroundings> world = SurroundingsOf(*real);
  if (!world) {
    Fail(Cat("nobody told the node suite how ", name_, " gets its frames: see SurroundingsOf"));
  }
  world_ = *world;
  AddNodes();
  node_ = harness_.catalog().Find(name_);
  ConfigurePorts();
  if (world_ == Surroundings::kContainers) AttachContainers();
}

NodeStage::~NodeStage() {
  backends_.clear();
  harness_.rcu().Poll();
  if (!directory_.empty()) std::filesystem::remove_all(directory_);
}

void NodeStage::AddWitness(NodeSpec spec, NodeKind kind) {
  NodeClass witness = NodeClassOf<Witness>([this, name = std::string(spec.name)](WorkerId) {
    return std::make_unique<Witness>(state_, name);
  });
  witness.spec = spec;
  witness.kind = kind;
  harness_.AddClass(std::move(witness));
}

// Somebody whom the node on stage mentions, without what it mentions itself.
void NodeStage::AddStandIn(const NodeClass& real) {
  NodeSpec spec = real.spec;
  spec.before = spec.after = {};
  if (real.kind != NodeKind::kFeature) {
    AddWitness(spec, NodeKind::kPlain);
    return;
  }
  NodeClass feature =
      NodeClassOf<Bystander>([](WorkerId) { return std::make_unique<Bystander>(); });
  feature.spec = spec;
  harness_.AddClass(std::move(feature));
}

void NodeStage::AddNodes() {
  const NodeCatalog& all = modules_->catalog();
  NodeCatalog& here = harness_.catalog();
  const NodeClass& real = *all.Find(name_);
  harness_.AddClass(real);
  for (const std::string_view arc : {"port-input", "port-output"}) {
    if (here.Find(arc) == nullptr) harness_.AddClass(*all.Find(arc));
  }
  harness_.Add<StageInput>(std::ref(state_));
  std::vector<std::string_view> mentioned = {real.spec.before, real.spec.after};
  for (const LabelText& next : real.nexts) mentioned.push_back(next.name);
  for (const std::string_view name : mentioned) {
    if (name.empty() || here.Find(name) != nullptr) continue;
    if (all.Find(name) == nullptr) Fail(Cat(name_, " mentions ", name, ", and there is none"));
    AddStandIn(*all.Find(name));
  }
  const auto ends = [&](std::string_view arc) {
    return std::any_of(here.nodes().begin(), here.nodes().end(), [&](const NodeClass& node) {
      return node.spec.arc == arc && node.spec.last;
    });
  };
  if (!ends("port-input")) {
    NodeClass director =
        NodeClassOf<Director>([this](WorkerId) { return std::make_unique<Director>(state_); });
    // A node on no arc is where the director sends its frames; others are met on the way out.
    const bool on_the_way =
        !real.spec.arc.empty() || real.kind == NodeKind::kArcEntry || real.kind == NodeKind::kInput;
    labels_.push_back({{{on_the_way ? "port-output" : real.spec.name, "every packet"}}});
    director.nexts = labels_.back();
    harness_.AddClass(std::move(director));
  }
  if (!ends("port-output")) {
    AddWitness({.name = kOutputName, .arc = "port-output", .last = true, .help = "The end."},
               NodeKind::kOutput);
  }
  if (real.kind == NodeKind::kArcEntry) {
    NodeClass feature =
        NodeClassOf<Bystander>([](WorkerId) { return std::make_unique<Bystander>(); });
    feature.spec.arc = real.spec.name;
    harness_.AddClass(std::move(feature));
  }
}

void NodeStage::ConfigurePorts() {
  const NodeClass& real = *modules_->catalog().Find(name_);
  std::string text;
  for (uint16_t i = 0; i < kPorts; ++i) {
    Append(text, "[[port]]\nname = \"port-", i, "\"\nmtu = 9202\nvhost = {}\n");
    if (real.kind == NodeKind::kFeature && i < 2) {
      Append(text, name_, " = ", TableOf(name_, i), "\n");
    }
  }
  config_ = modules_->Read(text);
  for (Module* module : modules_->modules()) {
    for (const BridgeConfig& bridge : config_.bridges) {
      if (!module->AddBridge(bridge).ok()) Fail("no bridge");
    }
  }
  std::vector<PortWiring> wirings;
  for (uint16_t i = 0; i < kPorts; ++i) {
    const PortId id(i);
    for (Module* module : modules_->modules()) {
      if (!module->AddPort(id, config_.ports[i]).ok()) Fail("no port");
      if (world_ != Surroundings::kContainers) module->PortUp(id);
    }
    PortWiring wiring{.port = id};
    wiring.output = real.kind == NodeKind::kOutput ? name_ : std::string(kOutputName);
    for (const auto& [feature, table] : config_.ports[i].features) {
      wiring.features.push_back({feature, table.object});
    }
    if (real.kind == NodeKind::kArcEntry && i % 2 == 1) {
      wiring.features.push_back({std::string(kBystander), nullptr});
    }
    wirings.push_back(std::move(wiring));
  }
  harness_.Wire(std::move(wirings));
  graph().UseClock(clock_);
}

void NodeStage::Turn() {
  modules_->loop().RunOnce(std::chrono::milliseconds(1));
  harness_.rcu().Poll();
}

// All ports but the last have a container; nobody ever connects to that one.
void NodeStage::AttachContainers() {
  char name[] = "/tmp/weft-stage-XXXXXX";
  if (mkdtemp(name) == nullptr) Fail("no temporary directory");
  directory_ = name;
  for (uint16_t i = 0; i < kPorts; ++i) {
    const PortId id(i);
    const std::string port_directory = Cat(directory_, "/", i);
    absl::StatusOr<std::unique_ptr<PortBackend>> backend =
        modules_->Kind("vhost").make({.id = id,
                                      .config = config_.ports[i],
                                      .directory = port_directory,
                                      .worker = WorkerId(0),
                                      .on_up = [this, i] { up_[i] = true; },
                                      .on_down = [this, i] { up_[i] = false; }});
    if (!backend.ok()) Fail(MessageOf(backend.status()));
    if (absl::Status status = (*backend)->Open(); !status.ok()) Fail(MessageOf(status));
    backends_.push_back(*std::move(backend));
    if (i + 1 == kPorts) continue;
    containers_[i] = std::make_unique<vhost::testing::Container>([this] { Turn(); });
    containers_[i]->Attach(Cat(port_directory, "/vhost.sock"));
    while (!up_[i]) Turn();
  }
}

void NodeStage::ReceiveFromContainers() {
  for (uint16_t i = 0; i < kPorts; ++i) {
    if (containers_[i] == nullptr) continue;
    for (Bytes& frame : containers_[i]->Receive()) {
      const uint16_t number = FrameNumber(frame);
      const Item& item = state_.items.at(number);
      state_.arrivals.push_back({Cat("container-", i), number, item.in_port, PortId(i),
                                 item.out_group, std::move(frame)});
    }
  }
}

void NodeStage::Put(Item item) {
  if (node_->kind == NodeKind::kInput) {
    container(item.in_port.value()).Send(item.frame);
  } else {
    state_.waiting.push_back(item);
  }
  const uint16_t number = item.number;
  state_.items.insert_or_assign(number, std::move(item));
}

void NodeStage::Dispatch() {
  graph().PollInputs();
  ReceiveFromContainers();
}

void NodeStage::TraceAll() {
  const NodeClass* from =
      node_->kind == NodeKind::kInput ? node_ : harness_.catalog().Find("stage-input");
  harness_.Trace(from->spec.name, 1'000'000);
}

std::vector<TraceStep> NodeStage::TakeSteps() {
  std::vector<TraceStep> steps;
  TraceStep step;
  while (graph().trace_ring().Pop(step)) steps.push_back(step);
  return steps;
}

std::map<std::tuple<uint16_t, std::string, std::string>, uint64_t> NodeStage::Drops() {
  std::map<std::tuple<uint16_t, std::string, std::string>, uint64_t> drops;
  for (const NodeClass& node : harness_.catalog().nodes()) {
    for (const LabelText& reason : node.drops) {
      for (uint16_t port = 0; port <= kMaxPorts; ++port) {
        const uint64_t packets = harness_.Dropped(PortId(port), node.spec.name, reason.name);
        if (packets == 0) continue;
        drops[{port, std::string(node.spec.name), std::string(reason.name)}] = packets;
      }
    }
  }
  return drops;
}

std::map<std::string, uint64_t> NodeStage::Events() const {
  std::map<std::string, uint64_t> events;
  for (const LabelText& counter : node_->counters) {
    events[std::string(counter.name)] = harness_.Counted(name_, counter.name);
  }
  return events;
}

uint64_t NodeStage::Clones() const {
  const std::map<std::string, uint64_t> events = Events();
  const auto found = events.find("clones");
  return found == events.end() ? 0 : found->second;
}

}  // namespace weft::testing
