// SPDX-License-Identifier: Apache-2.0
// generator-ingress and generator-egress make the packets of streams: as if a port had sent them,
// or to a port. packet-generator is what a port's table hangs on. The nodes run on workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/packet_generator/stream.h"

namespace weft::packet_generator {

// A stream from its start to its end, which one worker makes.
struct Run {
  Run(std::shared_ptr<const Stream> its_stream, PortId its_port, WorkerId its_worker)
      : stream(std::move(its_stream)), port(its_port), worker(its_worker) {}

  const std::shared_ptr<const Stream> stream;
  const PortId port;
  const WorkerId worker;
  Counter made;                   // the worker writes it
  std::atomic<bool> done{false};  // all of `count`; the worker writes it

  // The worker's alone.
  bool begun = false;
  uint64_t began = 0;  // in ticks of its clock
};
using Runs = std::vector<std::shared_ptr<Run>>;

template <Arc kArc>
class Generator final : public Input<Generator<kArc>> {
 public:
  static constexpr bool kIngress = kArc == Arc::kPortInput;
  static constexpr NodeSpec kSpec{
      .name = kIngress ? "generator-ingress" : "generator-egress",
      .help = kIngress ? "Makes packets as if a port had sent them." : "Makes packets for a port."};
  enum class Next : uint8_t { kPorts };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kPorts, kIngress ? "port-input" : "port-output", "every packet"}});
  enum class Counter : uint8_t { kMade };
  static constexpr auto kCounters = Labels<Counter>({{Counter::kMade, "made", "packets"}});

  Generator(const Published<Runs>& runs, WorkerId worker, uint64_t ticks_per_second)
      : runs_(runs), worker_(worker), ticks_per_second_(ticks_per_second) {}

  void Poll(Frame& frame) {
    const Runs* const runs = runs_.Load();
    if (runs == nullptr || runs->empty()) return;
    // One that could fill every vector leaves each second one to the next.
    ++turn_;
    for (size_t i = 0; i < runs->size(); ++i) {
      Run& run = *(*runs)[(turn_ + i) % runs->size()];
      if (IsMine(run)) Make(run, frame);
    }
  }

  // Whoever waits for a moment cannot be woken: the worker naps. What control publishes wakes it.
  bool CanSleep() {
    const Runs* const runs = runs_.Load();
    return runs == nullptr || std::none_of(runs->begin(), runs->end(),
                                           [this](const auto& run) { return IsMine(*run); });
  }

 private:
  bool IsMine(const Run& run) const {
    return run.worker == worker_ && !run.done.load(std::memory_order_relaxed);
  }
  void Make(Run& run, Frame& frame) {
    const uint64_t now = this->graph_->dispatch_start();
    if (!std::exchange(run.begun, true)) run.began = now;
    __extension__ using Wide = unsigned __int128;
    const auto elapsed =
        static_cast<uint64_t>(Wide{now - run.began} * 1'000'000'000 / ticks_per_second_);
    const uint64_t count = run.stream->count();
    const uint64_t first = run.made.value();
    uint64_t next = first;
    while (frame.room() > 0 && next < count && run.stream->IsDue(next, elapsed)) {
      Packet* const packet = this->graph_->pool().Take();
      if (packet == nullptr) break;  // the rest in the next round
      run.stream->Fill(*packet, run.port, next++);
      if constexpr (!kIngress) packet->set_out_port(run.port);
      frame.Push(packet);
    }
    run.made.Add(next - first);
    this->Count(Counter::kMade, next - first);
    if (next == count) run.done.store(true, std::memory_order_relaxed);
  }

  const Published<Runs>& runs_;
  const WorkerId worker_;
  const uint64_t ticks_per_second_;  // of the worker's clock
  size_t turn_ = 0;
};

class PacketGenerator final : public Feature<PacketGenerator, GeneratorConfig> {
 public:
  static constexpr NodeSpec kSpec{.name = "packet-generator",
                                  .arc = "port-output",
                                  .help = "Has the streams of a port, and counts what it is sent."};
  enum class Counter : uint8_t { kReceived };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kReceived, "received", "packets to ports with streams"}});

  void Process(Frame& frame) {
    Count(Counter::kReceived, frame.size());
    ForEach(frame, [](Packet&) -> Verdict { return Continue(); });
  }
};

}  // namespace weft::packet_generator
