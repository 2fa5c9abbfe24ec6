// SPDX-License-Identifier: Apache-2.0
// ingress-policer and egress-policer: what a port sends, and what it is sent, is at most so much;
// what is more is dropped. All workers share a port's bucket. The nodes run on workers, the rest on
// the control thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/policer/rate.h"
#include "plugins/policer/shared_bucket.h"

namespace weft::policer {

// The table of a port, for either direction.
struct PolicerConfig {
  std::string rate;
  std::optional<uint64_t> burst;

  static constexpr auto kFields =
      Fields(Field<&PolicerConfig::rate>(
                 "rate",
                 "packets or bits a second: 10kpps, 100Mbit/s (pps, kpps, Mpps; bit/s, kbit/s, "
                 "Mbit/s, Gbit/s)",
                 Required{}),
             Field<&PolicerConfig::burst>(
                 "burst",
                 "packets, or bytes of a rate in bits, that may come at once after a pause; "
                 "without it 10 ms of the rate, and at least 128 packets or 131072 bytes",
                 Range{1, int64_t{1} << 40}));
  void Check(const Value& table, const Place& place) const {
    if (!ParseRate(rate)) {
      place.Key("rate").Error(table.WhereIs("rate"),
                              Cat(Quoted(rate), " is no rate; write one like 10kpps or 100Mbit/s"));
    }
  }
};

// What all workers share of one port and direction. The counts are of packets.
struct Policed {
  Policed(Rate its_rate, uint64_t burst) : rate(its_rate), bucket(burst) {}

  const Rate rate;
  mutable SharedBucket bucket;
  mutable std::atomic<uint64_t> conform{0};
  mutable std::atomic<uint64_t> exceed{0};
};

// What one build hands to the next: a port's bucket in one direction.
struct SavedBucket {
  std::string port, policer;
  uint64_t tokens = 0;
  uint64_t conform = 0, exceed = 0;

  static constexpr auto kFields = Fields(
      Field<&SavedBucket::port>("port", "its name", Required{}),
      Field<&SavedBucket::policer>("policer", "ingress-policer or egress-policer", Required{}),
      Field<&SavedBucket::tokens>("tokens", "that are left"),
      Field<&SavedBucket::conform>("conform", "packets that passed"),
      Field<&SavedBucket::exceed>("exceed", "packets that were dropped"));
};
struct SavedBuckets {
  std::vector<SavedBucket> buckets;

  static constexpr auto kFields =
      Fields(Field<&SavedBuckets::buckets>("buckets", "of all ports that have a rate"));
};

// What a packet is on a wire: a sender may leave TCP to be cut into segments.
struct OnWire {
  uint32_t packets = 1;
  uint32_t bytes = 0;
};
inline OnWire OnWireOf(const Packet& packet) {
  const Offload offload = packet.offload();
  if (!offload.is_tso()) [[likely]]
    return {1, packet.length()};
  const uint32_t tcp = offload.checksum_start();
  const uint32_t words = packet.header()[tcp + 12] >> 4;  // of its header: RFC 9293 §3.1
  const uint32_t headers = tcp + 4 * words;
  const uint32_t payload = packet.length() - headers;
  const uint32_t segments = (payload + offload.segment_size - 1) / offload.segment_size;
  return {segments, packet.length() + (segments - 1) * headers};
}

// What control publishes for one direction, by port; null: nobody limits it.
using Buckets = std::array<std::shared_ptr<const Policed>, kMaxPorts>;

template <Arc kArc>
class Policer final : public Feature<Policer<kArc>, PolicerConfig> {
 public:
  static constexpr bool kInput = kArc == Arc::kPortInput;
  static constexpr NodeSpec kSpec{.name = kInput ? "ingress-policer" : "egress-policer",
                                  .arc = kInput ? "port-input" : "port-output",
                                  .before = kInput ? "l2-switch" : "",
                                  .help = kInput ? "Drops what a port sends beyond its rate."
                                                 : "Drops what a port is sent beyond its rate."};
  enum class Drop : uint8_t { kExceeded };
  static constexpr auto kDrops = Labels<Drop>(
      {{Drop::kExceeded, "exceeded", "the port's bucket had not as many tokens as it takes"}});
  enum class Counter : uint8_t { kConform, kExceed };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kConform, "conform", "packets within their port's rate"},
                       {Counter::kExceed, "exceed", "packets beyond it, which are dropped"}});
  struct TraceRecord {
    uint64_t tokens;
  };
  static constexpr auto kTrace = TraceFields({TraceFieldOf<&TraceRecord::tokens>(
      "tokens", "packets or bytes that the bucket has after this vector")});
  using Verdict = weft::Verdict<Policer>;

  // A dry one, for `trace inject`, takes no token.
  Policer(const Published<Buckets>& buckets, bool dry) : buckets_(buckets), dry_(dry) {}

  void Process(Frame& frame) {
    const Buckets* const buckets = buckets_.Load();
    const Time now = this->Now();  // of all packets of the vector
    Turn turn;
    this->ForEach(frame, [&](Packet& packet) -> Verdict {
      if (const PortId port = PortOf(packet); port != turn.port) {
        End(turn);
        turn = Begin(buckets, port, now);
      }
      if (turn.policed == nullptr || Conforms(turn, packet)) {
        ++turn.conform;
        return this->Continue();
      }
      ++turn.exceed;
      return Drop::kExceeded;
    });
    End(turn);
  }
  TraceRecord MakeTrace(const Packet& packet) const {
    const Turn turn = Begin(buckets_.Load(), PortOf(packet), this->Now());
    return {turn.policed == nullptr ? 0 : turn.policed->bucket.Level(turn.earned)};
  }

 private:
  // Packets of one port that follow each other in a frame.
  struct Turn {
    PortId port;
    const Policed* policed = nullptr;  // null: the port comes or goes, and is not limited
    uint64_t earned = 0;
    uint64_t conform = 0, exceed = 0;
  };

  static PortId PortOf(const Packet& packet) {
    return kInput ? packet.in_port() : packet.out_port();
  }
  static Turn Begin(const Buckets* buckets, PortId port, Time now) {
    Turn turn;
    turn.port = port;
    if (buckets != nullptr) turn.policed = (*buckets)[port.value()].get();
    if (turn.policed != nullptr) turn.earned = turn.policed->rate.Earned(now);
    return turn;
  }
  bool Conforms(const Turn& turn, const Packet& packet) const {
    const OnWire wire = OnWireOf(packet);
    const uint64_t tokens = turn.policed->rate.unit == Unit::kPackets ? wire.packets : wire.bytes;
    if (dry_) return turn.policed->bucket.Level(turn.earned) >= tokens;
    return turn.policed->bucket.Take(turn.earned, tokens);
  }
  void End(const Turn& turn) {
    if (turn.policed == nullptr || dry_) return;
    turn.policed->conform.fetch_add(turn.conform, std::memory_order_relaxed);
    turn.policed->exceed.fetch_add(turn.exceed, std::memory_order_relaxed);
    this->Count(Counter::kConform, turn.conform);
    this->Count(Counter::kExceed, turn.exceed);
  }

  const Published<Buckets>& buckets_;
  const bool dry_;
};

}  // namespace weft::policer
