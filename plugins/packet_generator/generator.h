// SPDX-License-Identifier: Apache-2.0
// generator-ingress and generator-egress make the packets of streams: as if a port had sent them,
// or to a port. generator-within makes those for any other arc, and generator-enter hands them to
// the node that it leads to. packet-generator is what a port's table hangs on. The nodes run on
// workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/packet_generator/stream.h"

namespace weft::packet_generator {

// Which node makes a stream's packets.
enum class Side : uint8_t { kIngress, kEgress, kWithin };
inline constexpr size_t kSides = 3;

// Where a stream's packets go, and with what they are sent there. The in-port is always the
// stream's own.
struct Aim {
  Side side = Side::kIngress;
  ArcTarget target{};  // of kWithin
  PortId out_port{};   // as l2-switch would have decided; each only where somebody reads it
  GroupId out_group{};
};

// A stream from its start to its end, which one worker makes.
struct Run {
  Run(std::shared_ptr<const Stream> its_stream, PortId its_port, WorkerId its_worker,
      const Aim& its_aim = {})
      : stream(std::move(its_stream)), port(its_port), worker(its_worker), aim(its_aim) {}

  const std::shared_ptr<const Stream> stream;
  const PortId port;
  const WorkerId worker;
  const Aim aim;
  // The worker writes these, but for what control knows before the worker has the stream.
  Counter made;
  std::atomic<bool> done{false};         // all of `count`
  std::atomic<Time> began{Time::min()};  // when the first was due; Time::min(): not yet
};
using Runs = std::vector<std::shared_ptr<Run>>;

// The vector that a worker's generator-within has made, for its generator-enter.
struct MadeVector {
  struct Each {
    const Packet* packet = nullptr;
    const Run* run = nullptr;
  };

  // Null if the packet that stands there is none of these.
  const Run* RunOf(size_t place, const Packet& packet) const {
    return place < count && all[place].packet == &packet ? all[place].run : nullptr;
  }

  std::array<Each, Frame::kCapacity> all;
  size_t count = 0;
};

template <Side kSide>
class Generator final : public Input<Generator<kSide>> {
 public:
  static constexpr NodeSpec kSpecs[kSides] = {
      {.name = "generator-ingress", .help = "Makes packets as if a port had sent them."},
      {.name = "generator-egress", .help = "Makes packets for a port."},
      {.name = "generator-within", .help = "Makes packets for an arc within the graph."}};
  static constexpr std::string_view kWays[kSides] = {"port-input", "port-output",
                                                     "generator-enter"};
  static constexpr NodeSpec kSpec = kSpecs[static_cast<size_t>(kSide)];
  enum class Next : uint8_t { kOnward };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kOnward, kWays[static_cast<size_t>(kSide)], "every packet"}});
  enum class Counter : uint8_t { kMade };
  static constexpr auto kCounters = Labels<Counter>({{Counter::kMade, "made", "packets"}});

  // `made` is of kWithin.
  Generator(const Published<Runs>& runs, WorkerId worker,
            std::shared_ptr<MadeVector> made = nullptr)
      : runs_(runs), worker_(worker), made_(std::move(made)) {}

  void Poll(Frame& frame) {
    if constexpr (kSide == Side::kWithin) made_->count = 0;
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
      if constexpr (kSide != Side::kIngress) packet->set_out_port(run.aim.out_port);
      if constexpr (kSide == Side::kWithin) {
        packet->set_out_group(run.aim.out_group);
        made_->all[made_->count++] = {packet, &run};
      }
      frame.Push(packet);
    }
    run.made.Add(next - first);
    this->Count(Counter::kMade, next - first);
    if (next == count) run.done.store(true, std::memory_order_relaxed);
  }

  const Published<Runs>& runs_;
  const WorkerId worker_;
  const std::shared_ptr<MadeVector> made_;
  size_t turn_ = 0;
};

class GeneratorEnter final : public Node<GeneratorEnter> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "generator-enter",
      .help = "Hands packets of generator-within to the node that their arc leads to."};
  enum class Drop : uint8_t { kArcGone, kStray };
  static constexpr auto kDrops = Labels<Drop>(
      {{Drop::kArcGone, "arc-gone",
        "the node was unloaded since the stream was started, or the port has lost that feature"},
       {Drop::kStray, "stray", "another node has sent it here, and no stream has made it"}});

  // `made` is null in a dry run, which makes nothing.
  explicit GeneratorEnter(std::shared_ptr<const MadeVector> made) : made_(std::move(made)) {}

  void Process(Frame& frame) {
    for (size_t first = 0, end = 0; first < frame.size(); first = end) {
      const Run* const run = RunAt(frame, first);
      for (end = first + 1; end < frame.size() && RunAt(frame, end) == run;) ++end;
      const std::span<Packet* const> packets(frame.begin() + first, end - first);
      if (run != nullptr && graph_->Enter(index_, packets, run->aim.target)) continue;
      for (const Packet* const packet : packets) {
        DropPacket(*packet, packet->in_port(), run == nullptr ? Drop::kStray : Drop::kArcGone);
      }
    }
  }

 private:
  const Run* RunAt(const Frame& frame, size_t place) const {
    return made_ == nullptr ? nullptr : made_->RunOf(place, frame[place]);
  }

  const std::shared_ptr<const MadeVector> made_;
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
