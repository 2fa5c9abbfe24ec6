// SPDX-License-Identifier: Apache-2.0
// weft-guard [PATH]: runs one path of packets through the graph, the same packets each time, and
// has callgrind count the instructions between Start and Stop. Without arguments it lists the
// paths. See guard.py, which compares the counts with what is committed.
#include <valgrind/callgrind.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bench/support/stage.h"
#include "core/graph/guard.h"
#include "core/graph/node.h"

namespace weft::bench {
namespace {

constexpr size_t kVectors = 40;
constexpr size_t kWarmup = 4;

// Features that let everything pass: what an arc costs by itself, and each feature on it.
constexpr std::string_view kPassNames[] = {"pass", "pass-2", "pass-3", "pass-4"};
template <size_t kNumber>
class PassBy final : public Feature<PassBy<kNumber>> {
 public:
  static constexpr NodeSpec kSpec{.name = kPassNames[kNumber],
                                  .arc = "port-input",
                                  .before = "l2-switch",
                                  .help = "Lets packets pass."};
  void Process(Frame& frame) {
    this->ForEach(frame, [](Packet&) -> typename PassBy::Verdict { return PassBy::Continue(); });
  }
};
using Pass = PassBy<0>;

struct Path {
  const char* name;
  StageOptions options;
  void (*offer)(Stage& stage);  // one vector
};

void OneWay(Stage& stage) { stage.Offer(0, 256, MacOf(1)); }
void BothWays(Stage& stage) {
  stage.Offer(0, 128, MacOf(1));
  stage.Offer(1, 128, MacOf(0));
}
void OnePacket(Stage& stage) { stage.Offer(0, 1, MacOf(1)); }
void ToThree(Stage& stage) {
  const MacAddress destinations[] = {MacOf(1), MacOf(2), MacOf(3)};
  stage.Offer(0, 256, destinations);
}
void Broadcast(Stage& stage) { stage.Offer(0, 64, MacAddress::FromBits(0xffff'ffff'ffff)); }
void Spread(Stage& stage) { stage.Offer(0, 128, MacOf(1)); }

template <size_t kNumber>
void AddPass(NodeCatalog& catalog) {
  using P = PassBy<kNumber>;
  if (!catalog.Add(NodeClassOf<P>([](WorkerId) { return std::make_unique<P>(); })).ok())
    std::abort();
}

// All of them are there, and ports have the first `count`.
StageOptions WithPasses(size_t count) {
  StageOptions options;
  options.add_nodes = [](NodeCatalog& catalog) {
    AddPass<0>(catalog);
    AddPass<1>(catalog);
    AddPass<2>(catalog);
    AddPass<3>(catalog);
  };
  options.features = [count](PortId) {
    std::vector<PortWiring::FeatureUse> features;
    for (size_t i = 0; i < count; ++i)
      features.push_back({std::string(kPassNames[i]), std::make_shared<int>()});
    return features;
  };
  return options;
}

// The same as a plugin's node is in the graph.
StageOptions WithGuardedPass() {
  StageOptions options = WithPasses(1);
  options.add_nodes = [](NodeCatalog& catalog) {
    static constexpr LabelText kFault[] = {{"plugin-fault", "it broke a rule"}};
    const auto state = std::make_shared<GuardState>();
    state->cycles_per_packet = 20'000;
    NodeClass node = NodeClassOf<Pass>(
        [state](WorkerId) { return std::make_unique<Guard>(std::make_unique<Pass>(), state); });
    node.drops = kFault;
    if (!catalog.Add(std::move(node)).ok()) std::abort();
  };
  return options;
}

const Path kPaths[] = {
    {"container-to-container-64", {}, OneWay},
    {"container-to-container-1500", {.frame = 1500}, OneWay},
    {"both-ways-64", {}, BothWays},
    {"one-packet-64", {}, OnePacket},
    {"header-alone-64", {.shape = Shape::kHeaderAlone}, OneWay},
    {"indirect-64", {.shape = Shape::kIndirect}, OneWay},
    {"packed-64", {.rings = RingKind::kPacked}, OneWay},
    {"packed-1500", {.frame = 1500, .rings = RingKind::kPacked}, OneWay},
    {"packed-in-order-64", {.rings = RingKind::kPackedInOrder}, OneWay},
    {"packed-header-alone-64", {.shape = Shape::kHeaderAlone, .rings = RingKind::kPacked}, OneWay},
    {"spread-9000", {.frame = 9000}, Spread},
    {"one-to-three-64", {.containers = 4}, ToThree},
    {"broadcast-to-three-64", {.containers = 4}, Broadcast},
    {"no-feature-of-4-64", WithPasses(0), OneWay},
    {"feature-64", WithPasses(1), OneWay},
    {"features-2-64", WithPasses(2), OneWay},
    {"features-3-64", WithPasses(3), OneWay},
    {"features-4-64", WithPasses(4), OneWay},
    {"guarded-feature-64", WithGuardedPass(), OneWay},
};

int Run(const Path& path) {
  Stage stage(path.options);
  size_t packets = 0;
  size_t received = 0;
  for (size_t i = 0; i < kWarmup + kVectors; ++i) {
    path.offer(stage);
    if (i >= kWarmup) CALLGRIND_TOGGLE_COLLECT;
    const size_t got = stage.Poll();
    if (i >= kWarmup) CALLGRIND_TOGGLE_COLLECT;
    const size_t out = stage.Reclaim();
    if (i < kWarmup) continue;
    packets += got;
    received += out;
  }
  std::printf("packets %zu received %zu\n", packets, received);
  return packets != 0 && received >= packets ? 0 : 1;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  for (const weft::bench::Path& path : weft::bench::kPaths) {
    if (argc < 2) {
      std::printf("%s\n", path.name);
    } else if (std::string_view(argv[1]) == path.name) {
      return weft::bench::Run(path);
    }
  }
  return argc < 2 ? 0 : 2;
}
