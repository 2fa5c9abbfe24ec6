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
  // The worker writes these, but for what control knows before the worker has the stream.
  Counter made;
  std::atomic<bool> done{false};         // all of `count`
  std::atomic<Time> began{Time::min()};  // when the first was due; Time::min(): not yet
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

  Generator(const Published<Runs>& runs, WorkerId worker) : runs_(runs), worker_(worker) {}

  void Poll(Frame& frame) {
    const Runs* const runs = runs_.Load();
    if (runs == nullptr || runs->empty()) return;
    const Time now = this->Now();
    // One that could fill every vector leaves each second one to the next.
    ++turn_;
    for (size_t i = 0; i < runs->size(); ++i) {
      Run& run = *(*runs)[(turn_ + i) % runs->size()];
      if (IsMine(run)) Make(run, frame, now);
    }
  }

  // The worker sleeps until a packet is due. What control publishes wakes it.
  bool CanSleep() { return true; }
  void PrepareSleep(SleepSet& set) {
    const Runs* const runs = runs_.Load();
    if (runs == nullptr) return;
    const Time now = this->Now();
    for (const auto& run : *runs) {
      if (!IsMine(*run)) continue;
      const Time due = DueAt(*run, now);
      if (due <= now) return set.StayAwake();
      set.WakeAt(due);
    }
  }

 private:
  bool IsMine(const Run& run) const {
    return run.worker == worker_ && !run.done.load(std::memory_order_relaxed);
  }
  // When the next packet is; the first is at once.
  static Time DueAt(const Run& run, Time now) {
    const Time began = run.began.load(std::memory_order_relaxed);
    return began == Time::min() ? now : began + run.stream->DueAt(run.made.value());
  }
  void Make(Run& run, Frame& frame, Time now) {
    if (run.began.load(std::memory_order_relaxed) == Time::min())
      run.began.store(now, std::memory_order_relaxed);
    const Time elapsed = now - run.began.load(std::memory_order_relaxed);
    const uint64_t count = run.stream->count();
    const uint64_t first = run.made.value();
    uint64_t next = first;
    while (frame.room() > 0 && next < count && run.stream->DueAt(next) <= elapsed) {
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
