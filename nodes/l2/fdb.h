// SPDX-License-Identifier: Apache-2.0
// The forwarding database: which port an address was last seen on, for all bridges in one table.
// Owned by L2State; Lookup and Learn are for every thread at once, the rest is the control
// thread's.
//
// How many threads share one table without a lock
// -----------------------------------------------
// A worker looks up each packet's destination and learns its source; other workers do the same, and
// control ages, flushes and adds static entries meanwhile. Nobody may wait for anybody. An entry is
// two 64-bit words, and every step is one atomic instruction on one of them:
//
//   key    bridge 16 | address 48             0 = empty, kBusy = somebody is filling the slot
//   value  tag 18 | time 28 | static 1 | present 1 | port 16        0 = not there
//
// Four entries share a cache line, the bucket. A key may live in two buckets, at eight places that
// all threads scan in the same order; nothing ever moves from one place to another, so a reader
// cannot miss an entry that is there.
//
//   insert   key: empty -> kBusy by compare-and-swap: the slot is ours. Store the value, then
//   publish
//            by storing the key.
//   change   value: old -> new by compare-and-swap: a refresh, a move, a learned entry made static.
//   remove   value: old -> 0 by compare-and-swap. Who wins owns the slot and stores key = empty.
//   read     key, value, key again. Anything else than the same key twice around a present value
//            with the right tag is a miss.
//
// Because each change names the value that it replaces, ageing never removes an entry that was just
// refreshed, an entry is removed once, and the count of addresses learned by each port is exact.
// What if the slot has been recycled for another key between reading and swapping? The old and the
// new value would have to agree in port, second and tag, and the tag is a hash of the key under a
// secret seed. Where they do agree, a refresh or a removal does no harm either: it is the same
// port.
//
// Two workers may insert the same key into two places. So whoever published one scans all eight
// places again: publish and scan are sequentially consistent, hence at least one of the two sees
// the other, and both would decide alike: a static entry wins, else the earlier place. The loser's
// entry is removed by whoever notices first; a reader may meet it in the instant before.
//
// A table has at least twice as many places as its capacity, and an insert prefers the first bucket
// while that one holds at most one entry (a hit then costs one cache line), else the emptier of the
// two. There
// is no growing and no shuffling: when both buckets are full, learning says so. See the test
// "HoldsItsCapacity" for how rarely that happens below capacity.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "core/base/ids.h"
#include "core/base/mac_address.h"

namespace weft::l2 {

// What the words of the table are. A fuzz target has its own, which lets another thread come
// between any two steps.
#ifndef WEFT_FDB_ATOMIC
#define WEFT_FDB_ATOMIC std::atomic
#endif
template <typename T>
using FdbAtomic = WEFT_FDB_ATOMIC<T>;

// Seconds since an arbitrary start that all callers share. Ages are right up to four years.
using Seconds = uint32_t;

// What became of a source address.
enum class LearnResult : uint8_t {
  kKnown,            // it is this port's, and fresh: nothing was written
  kRefreshed,        // it is this port's; the time was brought up to date
  kLearned,          // new
  kMoved,            // another port had it until now
  kStaticElsewhere,  // a static entry gives it to another port
  kPortLimit,        // the port has learned as many addresses as it may
  kTableFull,        // no place left
};

// What a flush removes.
enum class FlushScope : uint8_t { kLearned, kEverything };

// A bridge and an address, as one word. Any address makes a key that can be looked up; only unicast
// addresses that are not zero can be stored.
class FdbKey {
 public:
  FdbKey() = default;  // of no entry
  // `octets`: six, as on the wire.
  FdbKey(BridgeId bridge, const uint8_t* octets) {
    uint32_t first;  // two whole loads: six bytes would take a detour through memory
    uint16_t last;
    std::memcpy(&first, octets, sizeof(first));
    std::memcpy(&last, octets + sizeof(first), sizeof(last));
    word_ = uint64_t{bridge.value()} << 48 | uint64_t{last} << 32 | first;
  }
  FdbKey(BridgeId bridge, const MacAddress& mac) : FdbKey(bridge, mac.octets().data()) {}
  constexpr explicit FdbKey(uint64_t word) : word_(word) {}

  constexpr uint64_t word() const { return word_; }
  constexpr BridgeId bridge() const { return BridgeId(static_cast<uint16_t>(word_ >> 48)); }
  MacAddress mac() const {
    std::array<uint8_t, 6> octets;
    std::memcpy(octets.data(), &word_, 6);
    return MacAddress(octets);
  }
  constexpr bool is_group() const { return (word_ & 1) != 0; }  // low bit of the first octet
  constexpr bool is_zero() const { return word_ << 16 == 0; }
  constexpr bool operator==(const FdbKey&) const = default;

 private:
  uint64_t word_ = 0;
};
static_assert(std::endian::native == std::endian::little, "FdbKey keeps the first octet lowest");

// A learned address that another port took over.
struct FdbMove {
  MacAddress mac;
  PortId to;
};

// One row of `show l2 fdb`.
struct FdbEntry {
  BridgeId bridge;
  MacAddress mac;
  PortId port;
  bool is_static = false;
  Seconds age = 0;  // since it was last refreshed; 0 for a static entry
};

class Fdb {
 public:
  static constexpr size_t kDefaultCapacity = 65'536;  // entries
  static constexpr size_t kMaxCapacity = size_t{1} << 24;
  static constexpr size_t kAgeSlice = 4'096;  // buckets that one call of Age looks at

  // Room for `capacity` entries (2 to 4 times as many places of 16 bytes), at most kMaxCapacity.
  // `seed` must be secret, or a tenant picks addresses that all fall into one bucket.
  Fdb(size_t capacity, uint64_t seed);
  ~Fdb();
  Fdb(const Fdb&) = delete;
  Fdb& operator=(const Fdb&) = delete;

  // --- any thread ---

  // The port of an address; invalid if it is not known.
  PortId Lookup(FdbKey key) const {
    const Found found = Find(key, Hash(key));
    return found.slot != nullptr ? Value(found.value).port() : PortId();
  }

  // Notes that `key`, a unicast address that is not zero, was seen as a source on `port` at `now`.
  // The port may have learned at most `limit` addresses. A known and fresh address costs a lookup.
  LearnResult Learn(FdbKey key, PortId port, uint32_t limit, Seconds now) {
    const uint64_t hash = Hash(key);
    const Found found = Find(key, hash);
    if (found.slot != nullptr) {
      const Value value(found.value);
      if (value.port() == port && (value.is_static() || value.Age(now) == 0)) {
        return LearnResult::kKnown;
      }
    }
    return LearnSlow(key, hash, port, limit, now);
  }

  // What Learn would say, were it called now; nothing is learned.
  LearnResult WouldLearn(FdbKey key, PortId port, uint32_t limit, Seconds now) const;

  // What Learn would say about a port that does not learn: kStaticElsewhere or kKnown.
  LearnResult Check(FdbKey key, PortId port) const {
    const Found found = Find(key, Hash(key));
    const bool stolen = found.slot != nullptr && Value(found.value).is_static() &&
                        Value(found.value).port() != port;
    return stolen ? LearnResult::kStaticElsewhere : LearnResult::kKnown;
  }

  // Starts loading the line that a lookup of `key` reads first.
  void Prefetch(FdbKey key) const { __builtin_prefetch(&buckets_[Hash(key) & mask_]); }

  // How many addresses `port` has learned and holds now.
  uint32_t learned(PortId port) const {
    return learned_[port.value()].load(std::memory_order_relaxed);
  }

  // The last address that `port` had learned and another port took over, if there was one since
  // ForgetMoves.
  std::optional<FdbMove> last_move(PortId port) const {
    const uint64_t word = moved_away_[port.value()].load(std::memory_order_relaxed);
    if (word == 0) return std::nullopt;
    return FdbMove{FdbKey(word >> 16).mac(), PortId(static_cast<uint16_t>(word))};
  }
  void ForgetMoves(PortId port) { moved_away_[port.value()].store(0, std::memory_order_relaxed); }
  // How many there were since the start, modulo 2^32. Read it before last_move, which is then of
  // that time or later.
  uint32_t moves(PortId port) const { return moves_[port.value()].load(std::memory_order_acquire); }

  // --- control thread ---

  // Gives an address to a port for good; a learned entry for it becomes static, and where there is
  // no room a learned entry makes some. InvalidArgument: group or zero address. AlreadyExists: it
  // is another port's. ResourceExhausted: no room among static entries.
  absl::Status AddStatic(BridgeId bridge, const MacAddress& mac, PortId port);
  // NotFound if there is no such static entry.
  absl::Status RemoveStatic(BridgeId bridge, const MacAddress& mac);

  // Remove the entries of a port or a bridge; return how many.
  size_t FlushPort(PortId port, FlushScope scope);
  size_t FlushBridge(BridgeId bridge, FlushScope scope);

  // Learned entries of `bridge` vanish when they were not refreshed for `age`; 0: never (default).
  void SetAgeing(BridgeId bridge, Seconds age) { ageing_[bridge.value()] = age; }
  // Looks at the next kAgeSlice buckets and removes what is too old; returns how many.
  size_t Age(Seconds now);
  // Calls of Age that look at the whole table once.
  size_t age_slices() const { return (mask_ + kAgeSlice) / kAgeSlice; }

  // All entries, in the table's order.
  std::vector<FdbEntry> Snapshot(Seconds now) const;
  // Entries that are there now.
  size_t size() const;
  size_t places() const { return (mask_ + 1) * kWays; }

 private:
  static constexpr size_t kWays = 4;
  static constexpr uint64_t kEmpty = 0;
  static constexpr uint64_t kBusy = uint64_t{0xffff} << 48;  // the zero address is no entry's

  struct Slot {
    FdbAtomic<uint64_t> key{kEmpty};
    FdbAtomic<uint64_t> value{0};
  };
  struct alignas(64) Bucket {
    Slot slots[kWays];
  };
  static_assert(sizeof(Bucket) == 64);

  // The second word of an entry, unpacked.
  class Value {
   public:
    constexpr explicit Value(uint64_t word) : word_(word) {}
    static constexpr Value Make(PortId port, bool is_static, Seconds now, uint64_t hash) {
      return Value(uint64_t{port.value()} | kPresent | (is_static ? kStatic : 0) |
                   (uint64_t{now} & kTimeMask) << kTimeShift | hash >> kTagShift << kTagShift);
    }
    constexpr uint64_t word() const { return word_; }
    constexpr PortId port() const { return PortId(static_cast<uint16_t>(word_)); }
    constexpr bool present() const { return (word_ & kPresent) != 0; }
    constexpr bool is_static() const { return (word_ & kStatic) != 0; }
    constexpr bool HasTagOf(uint64_t hash) const { return (word_ ^ hash) >> kTagShift == 0; }
    // Seconds from this entry's time to `now`; 0 if another thread's clock is ahead of the
    // caller's.
    constexpr Seconds Age(Seconds now) const {
      const uint64_t age = (now - (word_ >> kTimeShift)) & kTimeMask;
      return age > kTimeMask / 2 ? 0 : static_cast<Seconds>(age);
    }

   private:
    static constexpr int kTimeShift = 18;
    static constexpr int kTagShift = 46;
    static constexpr uint64_t kPresent = uint64_t{1} << 16;
    static constexpr uint64_t kStatic = uint64_t{1} << 17;
    static constexpr uint64_t kTimeMask = (uint64_t{1} << (kTagShift - kTimeShift)) - 1;
    uint64_t word_;
  };

  struct Found {
    Slot* slot;  // null: not there
    uint64_t value;
  };

  // Bits 0 and up choose the first bucket, bits 21 and up the second, the highest 18 are the tag.
  // Folded twice: neighbouring addresses are the usual case, and once does not spread them.
  uint64_t Hash(FdbKey key) const {
    return Fold(Fold(key.word() ^ seed_, multiplier_) ^ seed_, multiplier_);
  }
  static uint64_t Fold(uint64_t a, uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  Bucket& First(uint64_t hash) const { return buckets_[hash & mask_]; }
  Bucket& Second(uint64_t hash) const {
    const uint64_t first = hash & mask_;
    const uint64_t second = (hash >> 21) & mask_;
    return buckets_[second != first ? second : first ^ 1];
  }

  static Found FindIn(Bucket& bucket, FdbKey key, uint64_t hash) {
    // Compared without a branch each: which of the four it is cannot be predicted.
    unsigned matches = 0;
    for (unsigned i = 0; i < kWays; ++i) {
      const bool same = bucket.slots[i].key.load(std::memory_order_acquire) == key.word();
      matches |= static_cast<unsigned>(same) << i;
    }
    for (; matches != 0; matches &= matches - 1) {
      Slot& slot = bucket.slots[std::countr_zero(matches)];
      const Value value(slot.value.load(std::memory_order_acquire));
      if (value.present() && value.HasTagOf(hash) &&
          slot.key.load(std::memory_order_relaxed) == key.word()) {
        return {&slot, value.word()};
      }
    }
    return {nullptr, 0};
  }
  Found Find(FdbKey key, uint64_t hash) const {
    const Found found = FindIn(First(hash), key, hash);
    return found.slot != nullptr ? found : FindIn(Second(hash), key, hash);
  }

  Found FindStatic(FdbKey key, uint64_t hash) const;
  LearnResult LearnSlow(FdbKey key, uint64_t hash, PortId port, uint32_t limit, Seconds now);
  bool Reserve(PortId port, uint32_t limit);
  void Release(PortId port);
  Slot* Claim(uint64_t hash);
  bool Insert(Slot* slot, FdbKey key, uint64_t hash, Value value);
  bool Settle(Slot* mine, FdbKey key, uint64_t hash);
  bool Remove(Slot* slot, uint64_t value);
  bool EvictLearned(uint64_t hash);
  template <typename Visit>
  void VisitBuckets(size_t first, size_t count, Visit visit) const;
  template <typename Unwanted>
  size_t RemoveIf(size_t first, size_t count, Unwanted unwanted);

  const uint64_t seed_;
  const uint64_t multiplier_;
  const size_t mask_;  // buckets - 1
  const std::unique_ptr<Bucket[]> buckets_;

  alignas(64) std::array<FdbAtomic<uint32_t>, kMaxPorts> learned_{};
  // By the port that lost an address; its bridge is the port's.
  std::array<FdbAtomic<uint64_t>, kMaxPorts> moved_away_{};  // address 48 | port 16, 0: none
  std::array<FdbAtomic<uint32_t>, kMaxPorts> moves_{};
  // Control thread only.
  alignas(64) std::array<Seconds, kMaxBridges> ageing_{};
  size_t statics_ = 0;
  size_t next_to_age_ = 0;  // bucket
};

}  // namespace weft::l2
