// SPDX-License-Identifier: Apache-2.0
// ingress-mirror and egress-mirror copy what a port sends and what it is sent, for another port or
// for a file; mirror-input sends the copies to that port once their originals are done. An original
// never waits and is never lost for a copy: what finds no room is counted, and forgotten. The nodes
// run on workers, the rest on the control thread.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/sdk/weft.h"
#include "plugins/mirror/mirror_file.h"
#include "plugins/mirror/waiting.h"

namespace weft::mirror {

// The table of a port, for either direction.
struct MirrorConfig {
  std::optional<std::string> to;
  std::optional<std::string> file;
  uint32_t sample = 1;
  uint32_t max_size = 64;

  static constexpr auto kFields = Fields(
      Field<&MirrorConfig::to>("to", "the port that gets the copies", NotEmpty{}),
      Field<&MirrorConfig::file>(
          "file", "the pcapng file that gets them, with its whole path; what was in it goes"),
      Field<&MirrorConfig::sample>("sample", "one packet in so many is copied",
                                   Range{1, 1'000'000'000}),
      Field<&MirrorConfig::max_size>("max-size", "how long the file may get, in MiB",
                                     Range{1, 1 << 20}));
  void Check(const Value& table, const Place& place) const {
    if (!to && !file)
      place.OwnerError(table.where(), "a mirror needs a port, to = \"probe\", or a file");
    if (file && !file->starts_with('/'))
      place.Key("file").Error(table.WhereIs("file"), Cat(Quoted(*file), " is no whole path"));
  }
  bool operator==(const MirrorConfig&) const = default;
};

// Of all workers, in packets.
struct Counts {
  std::atomic<uint64_t> mirrored{0};
  std::atomic<uint64_t> lost{0};
};

// What is to be done with the packets of one port in one direction. Immutable but for the counts.
struct MirrorRule {
  std::string port;  // whose packets they are
  bool has_to = false;
  PortId to;  // invalid: there is none of that name
  bool to_up = false;
  std::shared_ptr<MirrorFile> file;
  uint32_t sample = 1;
  std::shared_ptr<Counts> counts;
};
using Mirrors = std::array<std::shared_ptr<const MirrorRule>, kMaxPorts>;
// The ports that some rule names and that are up.
using Targets = std::bitset<kMaxPorts>;

// What the nodes of one worker share.
struct WorkerState {
  static constexpr size_t kRing = size_t{4} << 20;  // bytes

  Waiting waiting;
  bool delivering = false;  // the packets of this dispatch are copies
  CaptureRing ring{kRing};  // what goes to files; its reading side is control's
};

template <Arc kArc>
class Mirror final : public Feature<Mirror<kArc>, MirrorConfig> {
 public:
  static constexpr bool kIngress = kArc == Arc::kPortInput;
  static constexpr auto kDirection =
      kIngress ? PcapngWriter::Direction::kInbound : PcapngWriter::Direction::kOutbound;
  static constexpr NodeSpec kSpec{
      .name = kIngress ? "ingress-mirror" : "egress-mirror",
      .arc = kIngress ? "port-input" : "port-output",
      .before = kIngress ? "l2-switch" : "",
      .help = kIngress ? "Copies what a port sends." : "Copies what a port is sent."};
  enum class Drop : uint8_t { kNoRoom, kPortDown, kFileBehind, kFileEnded };
  static constexpr auto kDrops = Labels<Drop>(
      {{Drop::kNoRoom, "no-room", "a copy: as many as may wait for their port do"},
       {Drop::kPortDown, "port-down", "a copy: the port that gets them is down, or not there"},
       {Drop::kFileBehind, "file-behind", "a copy: what goes to files is written more slowly"},
       {Drop::kFileEnded, "file-ended",
        "a copy: the file has its max-size, or could not be written"}});
  enum class Counter : uint8_t { kMirrored };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kMirrored, "mirrored", "copies for a port or a file"}});
  using Verdict = weft::Verdict<Mirror>;

  // `state` is null in a dry run, which copies nothing.
  Mirror(const Published<Mirrors>& mirrors, std::shared_ptr<WorkerState> state)
      : mirrors_(mirrors), state_(std::move(state)) {}

  void Process(Frame& frame) {
    // Copies are not copied again.
    const Mirrors* const mirrors =
        state_ == nullptr || state_->delivering ? nullptr : mirrors_.Load();
    this->ForEach(frame, [&](Packet& packet) -> Verdict {
      if (mirrors != nullptr) Look(*mirrors, packet);
      return this->Continue();
    });
  }

 private:
  void Look(const Mirrors& mirrors, const Packet& packet) {
    const PortId port = kIngress ? packet.in_port() : packet.out_port();
    const MirrorRule* const rule = mirrors[port.value()].get();
    if (rule == nullptr || ++seen_[port.value()] < rule->sample) return;
    seen_[port.value()] = 0;
    if (rule->has_to) ToPort(*rule, packet);
    if (rule->file != nullptr) ToFile(*rule, packet);
  }
  void ToPort(const MirrorRule& rule, const Packet& packet) {
    if (!rule.to_up) return Lose(rule, rule.to, Drop::kPortDown);
    if (!state_->waiting.Add(packet, rule.to)) return Lose(rule, rule.to, Drop::kNoRoom);
    Done(rule);
  }
  void ToFile(const MirrorRule& rule, const Packet& packet) {
    if (!rule.file->open()) return Lose(rule, PortId(), Drop::kFileEnded);
    CapturedStep step;
    step.cycles = this->graph_->dispatch_start();
    step.length = packet.length();
    step.kept = std::min(packet.length(), kMaxSnapLength);
    step.in_port = packet.in_port();
    step.out_port = packet.out_port();
    step.verdict = static_cast<VerdictCode>(kDirection);
    if (!state_->ring.HasRoom(step.kept)) return Lose(rule, PortId(), Drop::kFileBehind);
    CopyStart(packet, bytes_.data(), step.kept);
    state_->ring.Push(step, bytes_.data());
    Done(rule);
  }
  void Done(const MirrorRule& rule) {
    rule.counts->mirrored.fetch_add(1, std::memory_order_relaxed);
    this->Count(Counter::kMirrored);
  }
  void Lose(const MirrorRule& rule, PortId port, Drop reason) {
    rule.counts->lost.fetch_add(1, std::memory_order_relaxed);
    this->CountDrop(port, reason);
  }

  const Published<Mirrors>& mirrors_;
  const std::shared_ptr<WorkerState> state_;
  std::array<uint32_t, kMaxPorts> seen_{};  // since the last that was copied, by port
  std::array<uint8_t, kMaxSnapLength> bytes_;
};

// A vector a round, as every input has: so copies take no larger part of the worker than what comes
// in does, and originals do not wait for what many mirrors make of them.
class MirrorInput final : public Input<MirrorInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "mirror-input",
                                  .help = "Sends copies of packets to the port that gets them."};
  enum class Next : uint8_t { kPortOutput };
  static constexpr auto kNexts = Labels<Next>({{Next::kPortOutput, "port-output", "every copy"}});
  enum class Drop : uint8_t { kPortDown };
  static constexpr auto kDrops = Labels<Drop>(
      {{Drop::kPortDown, "port-down", "a copy that waited: its port is down or gone by now"}});

  MirrorInput(const Published<Targets>& targets, std::shared_ptr<WorkerState> state)
      : targets_(targets), state_(std::move(state)) {}

  void Poll(Frame& frame) {
    state_->delivering = true;
    const Targets* const targets = targets_.Load();
    while (frame.room() > 0 && !state_->waiting.empty()) {
      const PortId to = state_->waiting.next().to;
      // The number of a port that has gone may be another's before long.
      if (targets == nullptr || !(*targets)[to.value()]) {
        state_->waiting.Take();
        CountDrop(to, Drop::kPortDown);
        continue;
      }
      Packet* const packet = graph_->pool().Take();
      if (packet == nullptr) return;  // the rest in the next round
      Fill(*packet, state_->waiting.Take());
      frame.Push(packet);
    }
  }
  void EndDispatch() {
    state_->delivering = false;
    state_->waiting.Release();
  }

  // Only the worker itself puts anything there.
  bool CanSleep() { return true; }
  void PrepareSleep(SleepSet& set) {
    if (!state_->waiting.empty()) set.StayAwake();
  }

  // A packet of these bytes, which it borrows.
  static void Fill(Packet& packet, const Waiting::Entry& entry) {
    const auto header = std::min<uint32_t>(entry.length, Packet::kMaxHeader);
    uint8_t* const to = packet.snapshot() + Packet::kVirtioNetHeader;
    std::copy_n(entry.bytes, header, to);
    packet.Reset(entry.in_port, to, header);
    if (entry.length > header)
      packet.SetPayload({ForeignPtr(entry.bytes + header), entry.length - header});
    packet.set_offload(entry.offload);  // it fits, for the private header is no shorter
    packet.set_out_port(entry.to);
  }

 private:
  const Published<Targets>& targets_;
  const std::shared_ptr<WorkerState> state_;
};

}  // namespace weft::mirror
