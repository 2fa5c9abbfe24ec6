// SPDX-License-Identifier: Apache-2.0
#include "nodes/l2/fdb.h"

#include <algorithm>
#include <cstdlib>

#include "core/base/text.h"

namespace weft::l2 {
namespace {

// At least two buckets, so that every key has two; half full at `capacity`.
size_t BucketCount(size_t capacity, size_t ways) {
  const size_t wanted = std::clamp<size_t>(capacity, 1, Fdb::kMaxCapacity);
  return std::bit_ceil(std::max<size_t>(2, (2 * wanted + ways - 1) / ways));
}

// An odd multiplier with bits all over, from the seed.
uint64_t MakeMultiplier(uint64_t seed) {
  uint64_t x = seed + 0x9e37'79b9'7f4a'7c15;
  x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ x >> 27) * 0x94d0'49bb'1331'11eb;
  return (x ^ x >> 31) | 1;
}

}  // namespace

Fdb::Fdb(size_t capacity, uint64_t seed)
    : seed_(seed),
      multiplier_(MakeMultiplier(seed)),
      mask_(BucketCount(capacity, kWays) - 1),
      buckets_(std::make_unique<Bucket[]>(mask_ + 1)) {}

Fdb::~Fdb() = default;

// Counts one more address of `port`, unless it has `limit` already.
bool Fdb::Reserve(PortId port, uint32_t limit) {
  FdbAtomic<uint32_t>& count = learned_[port.value()];
  uint32_t now = count.load(std::memory_order_relaxed);
  while (now < limit) {
    if (count.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

void Fdb::Release(PortId port) { learned_[port.value()].fetch_sub(1, std::memory_order_relaxed); }

LearnResult Fdb::LearnSlow(FdbKey key, uint64_t hash, PortId port, uint32_t limit, Seconds now) {
  if (key.is_zero() || key.is_group()) std::abort();  // the caller's duty; zero would mean "empty"
  const Value wanted = Value::Make(port, false, now, hash);
  // Each turn that does not return lost a race against a thread that got its own change done.
  for (;;) {
    const Found found = Find(key, hash);
    if (found.slot != nullptr) {
      const Value value(found.value);
      const PortId holder = value.port();
      uint64_t expected = value.word();
      if (holder == port) {
        if (value.is_static() || value.Age(now) == 0) return LearnResult::kKnown;
        if (found.slot->value.compare_exchange_strong(expected, wanted.word())) {
          return LearnResult::kRefreshed;
        }
        continue;
      }
      if (value.is_static()) return LearnResult::kStaticElsewhere;
      if (!Reserve(port, limit)) return LearnResult::kPortLimit;
      if (found.slot->value.compare_exchange_strong(expected, wanted.word())) {
        Release(holder);
        moved_away_[holder.value()].store(key.word() << 16 | port.value(),
                                          std::memory_order_relaxed);
        moves_[holder.value()].fetch_add(1, std::memory_order_release);
        return LearnResult::kMoved;
      }
      Release(port);
      continue;
    }
    // Without room, look once more: another worker may just have learned this very address.
    if (!Reserve(port, limit)) {
      if (Find(key, hash).slot != nullptr) continue;
      return LearnResult::kPortLimit;
    }
    Slot* slot = Claim(hash);
    if (slot == nullptr) {
      Release(port);
      if (Find(key, hash).slot != nullptr) continue;
      return LearnResult::kTableFull;
    }
    if (Insert(slot, key, hash, wanted)) return LearnResult::kLearned;
  }
}

LearnResult Fdb::WouldLearn(FdbKey key, PortId port, uint32_t limit, Seconds now) const {
  const uint64_t hash = Hash(key);
  const Found found = Find(key, hash);
  const Value value(found.value);
  if (found.slot != nullptr && value.port() == port) {
    const bool fresh = value.is_static() || value.Age(now) == 0;
    return fresh ? LearnResult::kKnown : LearnResult::kRefreshed;
  }
  if (found.slot != nullptr && value.is_static()) return LearnResult::kStaticElsewhere;
  if (learned(port) >= limit) return LearnResult::kPortLimit;
  if (found.slot != nullptr) return LearnResult::kMoved;
  const auto has_room = [](const Bucket& bucket) {
    return std::any_of(std::begin(bucket.slots), std::end(bucket.slots), [](const Slot& slot) {
      return slot.key.load(std::memory_order_relaxed) == kEmpty;
    });
  };
  const bool room = has_room(First(hash)) || has_room(Second(hash));
  return room ? LearnResult::kLearned : LearnResult::kTableFull;
}

// Makes an empty place of a key ours, or returns null if there is none.
Fdb::Slot* Fdb::Claim(uint64_t hash) {
  const auto used = [](const Bucket& bucket) {
    return std::count_if(std::begin(bucket.slots), std::end(bucket.slots), [](const Slot& slot) {
      return slot.key.load(std::memory_order_relaxed) != kEmpty;
    });
  };
  Bucket* order[] = {&First(hash), &Second(hash)};
  const auto used_first = used(*order[0]);
  if (used_first > 1 && used(*order[1]) < used_first) std::swap(order[0], order[1]);
  for (Bucket* bucket : order) {
    for (Slot& slot : bucket->slots) {
      uint64_t expected = kEmpty;
      if (slot.key.load(std::memory_order_relaxed) == kEmpty &&
          slot.key.compare_exchange_strong(expected, kBusy)) {
        return &slot;
      }
    }
  }
  return nullptr;
}

// Fills a claimed slot and publishes it. False if another entry for the same key prevails.
bool Fdb::Insert(Slot* slot, FdbKey key, uint64_t hash, Value value) {
  slot->value.store(value.word(), std::memory_order_release);
  slot->key.store(key.word(), std::memory_order_seq_cst);
  return Settle(slot, key, hash);
}

// Leaves one entry for `key`, whose insertion into `mine` was just published: the static one, else
// the earliest in scan order. False if that is not `mine`.
bool Fdb::Settle(Slot* mine, FdbKey key, uint64_t hash) {
  bool passed_mine = false;
  for (Bucket* bucket : {&First(hash), &Second(hash)}) {
    for (Slot& other : bucket->slots) {
      if (&other == mine) {
        passed_mine = true;
        continue;
      }
      for (;;) {  // until `other` is another key's, or one of the two is removed
        if (other.key.load(std::memory_order_seq_cst) != key.word()) break;
        const Value theirs(other.value.load(std::memory_order_acquire));
        if (!theirs.present() || !theirs.HasTagOf(hash)) break;  // on its way out
        const Value ours(mine->value.load(std::memory_order_acquire));
        if (mine->key.load(std::memory_order_acquire) != key.word() || !ours.present() ||
            !ours.HasTagOf(hash)) {
          return true;  // ours has been removed by somebody else meanwhile: it was there
        }
        const bool lose =
            ours.is_static() == theirs.is_static() ? !passed_mine : theirs.is_static();
        if (lose && Remove(mine, ours.word())) return false;
        if (!lose && Remove(&other, theirs.word())) break;
      }
    }
  }
  return true;
}

// Removes the entry in `slot` if its value still is `value`.
bool Fdb::Remove(Slot* slot, uint64_t value) {
  if (!slot->value.compare_exchange_strong(value, 0)) return false;
  if (!Value(value).is_static()) Release(Value(value).port());
  slot->key.store(kEmpty, std::memory_order_release);
  return true;
}

// Removes one learned entry from the places of a key.
bool Fdb::EvictLearned(uint64_t hash) {
  for (Bucket* bucket : {&First(hash), &Second(hash)}) {
    for (Slot& slot : bucket->slots) {
      const Value value(slot.value.load(std::memory_order_acquire));
      if (value.present() && !value.is_static() && Remove(&slot, value.word())) return true;
    }
  }
  return false;
}

// The static entry of a key, in whichever of its places. Find will not do: for an instant it may
// meet a learned one, which a worker has just published and not yet taken back.
Fdb::Found Fdb::FindStatic(FdbKey key, uint64_t hash) const {
  for (Bucket* bucket : {&First(hash), &Second(hash)}) {
    for (Slot& slot : bucket->slots) {
      if (slot.key.load(std::memory_order_acquire) != key.word()) continue;
      const Value value(slot.value.load(std::memory_order_acquire));
      if (value.present() && value.HasTagOf(hash) && value.is_static())
        return {&slot, value.word()};
    }
  }
  return {nullptr, 0};
}

absl::Status Fdb::AddStatic(BridgeId bridge, const MacAddress& mac, PortId port) {
  const FdbKey key(bridge, mac);
  if (key.is_zero() || key.is_group()) {
    return absl::InvalidArgumentError(Cat("address ", mac.ToString(),
                                          " cannot be a port's own: it is ",
                                          key.is_zero() ? "zero" : "a group address"));
  }
  const uint64_t hash = Hash(key);
  const Value wanted = Value::Make(port, true, 0, hash);
  // Nobody else adds or removes static entries.
  if (const Found known = FindStatic(key, hash); known.slot != nullptr) {
    if (Value(known.value).port() == port) return absl::OkStatus();
    return absl::AlreadyExistsError(
        Cat("address ", mac.ToString(), " already is a static entry of another port"));
  }
  for (;;) {
    const Found found = Find(key, hash);
    if (found.slot != nullptr) {
      const Value value(found.value);
      uint64_t expected = value.word();
      if (!found.slot->value.compare_exchange_strong(expected, wanted.word())) continue;
      Release(value.port());
      ++statics_;
      return absl::OkStatus();
    }
    Slot* slot = Claim(hash);
    if (slot != nullptr) {
      Insert(slot, key, hash, wanted);
      ++statics_;
      return absl::OkStatus();
    }
    if (!EvictLearned(hash)) {
      return absl::ResourceExhaustedError(Cat("no room for the static address ", mac.ToString(),
                                              " among ", statics_, " others: the table has ",
                                              places(), " places, make it larger"));
    }
  }
}

absl::Status Fdb::RemoveStatic(BridgeId bridge, const MacAddress& mac) {
  const FdbKey key(bridge, mac);
  const Found found = FindStatic(key, Hash(key));
  if (found.slot == nullptr) {
    return absl::NotFoundError(Cat("there is no static entry for ", mac.ToString()));
  }
  Remove(found.slot, found.value);  // nobody else changes a static entry
  --statics_;
  return absl::OkStatus();
}

// Calls visit(slot, key, value) for the entries in buckets [first, first + count).
template <typename Visit>
void Fdb::VisitBuckets(size_t first, size_t count, Visit visit) const {
  for (size_t i = first; i < first + count; ++i) {
    for (Slot& slot : buckets_[i].slots) {
      const FdbKey key(slot.key.load(std::memory_order_acquire));
      const Value value(slot.value.load(std::memory_order_acquire));
      if (key.is_zero() || !value.present()) continue;  // empty, or being filled or removed
      if (slot.key.load(std::memory_order_relaxed) != key.word()) continue;
      visit(slot, key, value);
    }
  }
}

// Removes the entries in those buckets for which unwanted(key, value) holds, also if workers
// refresh or move them meanwhile. Returns how many.
template <typename Unwanted>
size_t Fdb::RemoveIf(size_t first, size_t count, Unwanted unwanted) {
  size_t removed = 0;
  VisitBuckets(first, count, [&](Slot& slot, FdbKey key, Value value) {
    while (value.present() && unwanted(key, value)) {
      if (Remove(&slot, value.word())) {
        ++removed;
        statics_ -= value.is_static();
        return;
      }
      value = Value(slot.value.load(std::memory_order_acquire));
      if (slot.key.load(std::memory_order_relaxed) != key.word()) return;
    }
  });
  return removed;
}

size_t Fdb::FlushPort(PortId port, FlushScope scope) {
  const bool statics_too = scope == FlushScope::kEverything;
  if (!statics_too && learned(port) == 0) return 0;  // spares a walk through the table
  return RemoveIf(0, mask_ + 1, [&](FdbKey, Value value) {
    return value.port() == port && (statics_too || !value.is_static());
  });
}

size_t Fdb::FlushBridge(BridgeId bridge, FlushScope scope) {
  const bool statics_too = scope == FlushScope::kEverything;
  return RemoveIf(0, mask_ + 1, [&](FdbKey key, Value value) {
    return key.bridge() == bridge && (statics_too || !value.is_static());
  });
}

size_t Fdb::Age(Seconds now) {
  const size_t first = next_to_age_;
  const size_t count = std::min(kAgeSlice, mask_ + 1 - first);
  next_to_age_ = (first + count) & mask_;
  return RemoveIf(first, count, [&](FdbKey key, Value value) {
    const Seconds limit = ageing_[key.bridge().value()];
    return limit != 0 && !value.is_static() && value.Age(now) >= limit;
  });
}

std::vector<FdbEntry> Fdb::Snapshot(Seconds now) const {
  std::vector<FdbEntry> entries;
  entries.reserve(size());
  VisitBuckets(0, mask_ + 1, [&](const Slot&, FdbKey key, Value value) {
    entries.push_back({key.bridge(), key.mac(), value.port(), value.is_static(),
                       value.is_static() ? 0 : value.Age(now)});
  });
  return entries;
}

size_t Fdb::size() const {
  size_t count = statics_;
  for (const FdbAtomic<uint32_t>& learned : learned_) {
    count += learned.load(std::memory_order_relaxed);
  }
  return count;
}

}  // namespace weft::l2
