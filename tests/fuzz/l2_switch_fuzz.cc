// SPDX-License-Identifier: Apache-2.0
// Links: weft_nodes_l2 weft_test_support
// Frames through l2-switch and flood, mixed with what control does to bridges, ports, static
// entries and the clock: every copy, drop and entry must be what the model says, and each flow in
// order.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>

#include "tests/fuzz/input.h"
#include "tests/nodes/l2/l2_fixture.h"
#include "tests/nodes/l2/l2_model.h"

namespace weft::l2 {
namespace {

using fuzz::InputReader;
using testing::Bytes;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "l2_switch_fuzz: %s\n", why.c_str());
  std::abort();
}

constexpr uint16_t kPorts = SwitchFixture::kPorts;
constexpr size_t kSequenceAt = 14;  // number of the frame, then its in-port
constexpr size_t kFrameSize = 20;

// A switch and its model, kept for many inputs: Reset empties both.
class Pair {
 public:
  explicit Pair(const L2State::Options& options)
      : fixture_(options), model_(fixture_.state->fdb().places()) {}

  void Run(InputReader& input) {
    Reset();
    while (!input.empty()) Step(input);
    Dispatch();
  }

 private:
  struct Sent {
    PortId in;
    Bytes frame;
  };

  L2State& state() { return *fixture_.state; }

  void Reset() {
    for (uint16_t i = 0; i < kPorts; ++i) state().RemovePort(PortId(i));
    for (const char* name : {"blue", "red"}) {
      const BridgeId bridge = state().FindBridge(name);
      if (bridge.valid() && !state().RemoveBridge(bridge).ok()) Fail("a bridge that will not go");
    }
    fixture_.harness.rcu().Poll();
    if (!state().Entries().empty()) Fail("entries of no port");
    model_ = SwitchModel(state().fdb().places());
    bridges_[0] = *state().AddBridge("blue", 20);
    bridges_[1] = *state().AddBridge("red", 0);
    model_.fdb.SetAgeing(bridges_[0], 20);
  }

  MacAddress PickMac(InputReader& input) {
    const uint8_t choice = input.Byte();
    switch (choice >> 4) {
      default:
        return MacAddress::FromBits(0x0200'0000'0000U + choice % 12U);
      case 12:
        return MacAddress::FromBits(0xffff'ffff'ffff);
      case 13:
        return MacAddress::FromBits(0x0180'c200'0000U + choice % 32U);
      case 14:
        return MacAddress();
      case 15: {
        uint64_t bits = 0;
        for (int i = 0; i < 6; ++i) bits = bits << 8 | input.Byte();
        return MacAddress::FromBits(bits);
      }
    }
  }

  void Step(InputReader& input) {
    const uint8_t op = input.Byte();
    const PortId port(input.Byte() % kPorts);
    if (op < 0xb0) {
      const MacAddress destination = PickMac(input);
      Queue(port, destination, PickMac(input));
      return;
    }
    Dispatch();
    const BridgeId bridge = bridges_[op & 1];
    if (op < 0xc0) {
      const uint8_t options = input.Byte();
      AddPort(port, bridge, options, PickMac(input));
    } else if (op < 0xc8) {
      RemovePort(port);
    } else if (op < 0xd8) {
      SetUp(port, (op & 1) != 0);
    } else if (op < 0xe4) {
      AddStatic(bridge, PickMac(input), port);
    } else if (op < 0xec) {
      const MacAddress mac = PickMac(input);
      if (state().RemoveStatic(bridge, mac).ok() != model_.fdb.RemoveStatic(bridge, mac)) {
        Fail("RemoveStatic");
      }
    } else {
      clock_.Advance(std::chrono::seconds(input.Byte() % 16));
      state().Tick(clock_.Now());
      model_.fdb.Age(state().now());
    }
    Compare();
  }

  void AddPort(PortId port, BridgeId bridge, uint8_t options, const MacAddress& mac) {
    PortOptions wanted;
    if ((options & 1) != 0) wanted.mac = mac;
    if ((options & 2) != 0) wanted.mac_limit = options >> 4;
    wanted.learning = (options & 12) != 12;
    const bool there = model_.ports.contains(port);
    const bool was_full = model_.fdb.full();
    const bool added = state().AddPort(port, bridge, wanted).ok();
    if (added && was_full) Adopt();
    const bool expected = !there && (!wanted.mac || model_.fdb.AddStatic(bridge, mac, port));
    if (added != expected) Fail("AddPort");
    if (!added) return;
    model_.ports[port] = {bridge, false, wanted.learning,
                          wanted.mac_limit.value_or(wanted.mac ? 0 : kDefaultMacLimit)};
  }

  void RemovePort(PortId port) {
    state().RemovePort(port);
    if (model_.ports.erase(port) != 0) model_.fdb.FlushPort(port, FlushScope::kEverything);
  }

  void SetUp(PortId port, bool up) {
    up ? state().PortUp(port) : state().PortDown(port);
    const auto found = model_.ports.find(port);
    if (found == model_.ports.end()) return;
    found->second.up = up;
    if (!up) model_.fdb.FlushPort(port, FlushScope::kLearned);
  }

  void AddStatic(BridgeId bridge, const MacAddress& mac, PortId port) {
    const auto found = model_.ports.find(port);
    const bool member = found != model_.ports.end() && found->second.bridge == bridge;
    const bool was_full = model_.fdb.full();
    const bool added = state().AddStatic(bridge, mac, port).ok();
    if (added && was_full) Adopt();
    if (added != (member && model_.fdb.AddStatic(bridge, mac, port))) Fail("AddStatic");
  }

  void Adopt() {
    if (!model_.fdb.AdoptDisplaced(state().Entries())) Fail("a static entry displaced too much");
  }

  void Queue(PortId port, const MacAddress& destination, const MacAddress& source) {
    Bytes frame(kFrameSize);
    std::memcpy(frame.data(), destination.octets().data(), 6);
    std::memcpy(frame.data() + 6, source.octets().data(), 6);
    const uint32_t number = ++fixture_.injected;
    std::memcpy(frame.data() + kSequenceAt, &number, sizeof(number));
    frame[kSequenceAt + sizeof(number)] = static_cast<uint8_t>(port.value());
    queued_.push_back({port, frame});
    fixture_.harness.Inject(port, std::move(frame), kSequenceAt);
    if (queued_.size() == Frame::kCapacity) Dispatch();
  }

  // Runs what is queued, as one vector, through both.
  void Dispatch() {
    if (queued_.empty()) return;
    std::map<PortId, std::vector<Bytes>> expected;
    std::map<std::pair<PortId, std::string>, uint64_t> drops;
    model_.BeginFrame();
    for (const auto& [in, frame] : queued_) {
      const auto mac = [&frame = frame](size_t at) {
        std::array<uint8_t, 6> octets;
        std::memcpy(octets.data(), frame.data() + at, 6);
        return MacAddress(octets);
      };
      const Outcome outcome = model_.Switch(in, mac(0), mac(6), state().now());
      if (!outcome.drop.empty()) ++drops[{in, outcome.drop}];
      for (const PortId out : outcome.out) expected[out].push_back(frame);
    }
    queued_.clear();
    fixture_.harness.Run();
    for (uint16_t i = 0; i < kPorts; ++i) CheckSent(PortId(i), expected[PortId(i)]);
    for (const auto& [what, count] : drops) drops_[what] += count;
    for (const auto& [what, count] : drops_) {
      const auto& [port, reason] = what;
      const size_t space = reason.find(' ');
      if (fixture_.harness.Dropped(port, reason.substr(0, space), reason.substr(space + 1)) !=
          count) {
        Fail("drops by " + reason);
      }
    }
    if (fixture_.Missing() != collected_) Fail("packets are missing");
    Compare();
  }

  void CheckSent(PortId port, std::vector<Bytes> expected) {
    std::vector<Bytes>& sent = fixture_.harness.memory().sent[port];
    std::map<Bytes, uint32_t> last;  // by flow: addresses and in-port
    for (const Bytes& frame : sent) {
      Bytes flow(frame.begin(), frame.begin() + 12);
      flow.push_back(frame[kSequenceAt + 4]);
      uint32_t number;
      std::memcpy(&number, frame.data() + kSequenceAt, sizeof(number));
      if (last[flow] >= number) Fail("a flow out of order");
      last[flow] = number;
    }
    std::sort(sent.begin(), sent.end());
    std::sort(expected.begin(), expected.end());
    if (sent != expected) Fail(Cat("port ", port.value(), " got other frames than it should"));
    collected_ += static_cast<int64_t>(sent.size());
    sent.clear();
  }

  void Compare() {
    fixture_.harness.rcu().Poll();
    const std::string mismatch = model_.fdb.Mismatch(state().Entries(), state().now());
    if (!mismatch.empty()) Fail(mismatch);
  }

  SwitchFixture fixture_;
  SwitchModel model_;
  BridgeId bridges_[2];
  SimulatedClock clock_;
  std::vector<Sent> queued_;
  std::map<std::pair<PortId, std::string>, uint64_t> drops_;  // since the beginning
  int64_t collected_ = 0;  // frames that were sent, and taken out of the harness
};

}  // namespace
}  // namespace weft::l2

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static weft::l2::Pair tiny({.capacity = 1, .seed = 7}), roomy({.capacity = 1'000, .seed = 7}),
      ahead({.capacity = 1'000, .seed = 7, .prefetch = true});  // it looks up what comes next
  weft::fuzz::InputReader input(data, size);
  const uint8_t choice = input.Byte();
  ((choice & 1) != 0 ? tiny : (choice & 2) != 0 ? ahead : roomy).Run(input);
  return 0;
}
