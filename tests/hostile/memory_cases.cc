// SPDX-License-Identifier: Apache-2.0
// Lies by memory: files that are none, tables that cannot be, and files that shrink in flight.
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/cases.h"
#include "tests/hostile/things.h"

namespace weft::hostile {
namespace {

using vhost::RegionRequest;
using vhost::Request;
using vhost::testing::Guest;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kTiB = uint64_t{1} << 40;
constexpr uint64_t kTop = ~uint64_t{0} - kPage + 1;  // the last page of an address space

constexpr const char* kKind = "is not a regular file on hugetlbfs or tmpfs";
constexpr const char* kAlign = "is not aligned to pages";
constexpr const char* kWrap = "wraps around the address space";
constexpr const char* kOverlap = "overlaps region";

struct Table {
  const char* name;
  const char* reason;  // null: it is a good one
  std::vector<File> files;
  std::vector<RegionRequest> regions;  // guest address, size, user address, offset in the file
  uint64_t count = 0;                  // of regions, if the message says another number
};

// Regions of a MiB, one behind the other.
std::vector<RegionRequest> InARow(uint64_t count) {
  std::vector<RegionRequest> regions;
  for (uint64_t i = 0; i < count; ++i) regions.push_back({i * kMiB, kMiB, i * kMiB, i * kMiB});
  return regions;
}

std::vector<Table> Tables() {
  const RegionRequest good{0, kMiB, 0, 0};
  const File m = File::kMemory;
  return {
      {"one region", nullptr, {m}, {good}},
      {"eight regions of one file", nullptr, std::vector<File>(8, m), InARow(8)},
      {"32 sparse GiB", nullptr, {File::kSparse}, {{0, 32 * 1024 * kMiB, 0, 0}}},
      {"a sparse terabyte", "is larger than this port's limit", {File::kSparse}, {{0, kTiB, 0, 0}}},
      {"a sum over the limit",
       "is larger than this port's limit",
       {File::kSparse, File::kSparse},
       {{0, 40 * 1024 * kMiB, 0, 0}, {kTiB, 40 * 1024 * kMiB, kTiB, 0}}},
      {"a short file", "it ends at byte", {File::kShort}, {good}},
      {"an offset behind the file", "it ends at byte", {m}, {{0, kMiB, 0, 64 * kMiB}}},
      {"an offset of 2^63", "it ends at byte", {m}, {{0, kMiB, 0, uint64_t{1} << 63}}},
      {"a read-only file", "is not open for reading and writing", {File::kReadOnly}, {good}},
      {"a sealed file", "cannot map its file", {File::kSealed}, {good}},
      {"a pipe", kKind, {File::kPipe}, {good}},
      {"a socket", kKind, {File::kSocket}, {good}},
      {"an eventfd", kKind, {File::kEventFd}, {good}},
      {"a timer", kKind, {File::kTimer}, {good}},
      {"an epoll set", kKind, {File::kEpoll}, {good}},
      {"/dev/null", kKind, {File::kNull}, {good}},
      {"/dev/zero", kKind, {File::kZero}, {good}},
      {"a directory", kKind, {File::kDirectory}, {good}},
      {"a process's memory", kKind, {File::kProcess}, {good}},
      {"a good file and a pipe", kKind, {m, File::kPipe}, InARow(2)},
      {"guest addresses that overlap", kOverlap, {m, m}, {good, {kMiB - kPage, kMiB, kMiB, kMiB}}},
      {"user addresses that overlap", kOverlap, {m, m}, {good, {kMiB, kMiB, kMiB - kPage, kMiB}}},
      {"the same region twice", kOverlap, {m, m}, {good, good}},
      {"a region in a region", kOverlap, {m, m}, {good, {kPage, kPage, kMiB, 0}}},
      {"a guest address that wraps", kWrap, {m}, {{kTop, 2 * kPage, 0, 0}}},
      {"a user address that wraps", kWrap, {m}, {{0, 2 * kPage, kTop, 0}}},
      {"an offset that wraps", kWrap, {m}, {{0, 2 * kPage, 0, kTop}}},
      {"a size of nearly 2^64", kWrap, {m}, {{kPage, kTop, 0, 0}}},
      {"the end of the address space", kWrap, {m}, {{kTop, kPage, 0, 0}}},
      {"no bytes", "is empty", {m}, {{0, 0, 0, 0}}},
      {"a misaligned size", kAlign, {m}, {{0, kMiB + 1, 0, 0}}},
      {"a misaligned guest address", kAlign, {m}, {{16, kMiB, 0, 0}}},
      {"a misaligned user address", kAlign, {m}, {{0, kMiB, 2048, 0}}},
      {"a misaligned offset", kAlign, {m}, {{0, kMiB, 0, 512}}},
      {"nine regions", "has 296 bytes", std::vector<File>(8, m), InARow(9)},
      {"no region", "has 8 bytes", {m}, {}},
      {"two regions and one file", "names 2 regions", {m}, InARow(2)},
      {"one region and two files", "names 1 regions", {m, m}, InARow(1)},
      {"2^32 - 1 regions", "names 4294967295 regions", {m}, InARow(1), 0xffff'ffff},
  };
}

Complaint PlayTable(Lane& lane, const Table& lie) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, Stage::kNegotiated)) return "the honest part of it failed";
  std::vector<UniqueFd> files;
  std::vector<int> fds;
  for (const File file : lie.files) {
    files.push_back(Make(file));
    if (!files.back().valid()) return "the file could not be made";
    fds.push_back(files.back().get());
  }
  Payload table = TableOf(lie.regions);
  if (lie.count != 0) std::memcpy(table.data(), &lie.count, sizeof(lie.count));
  tenant->link().Send(Request::kSetMemTable, table, fds);
  if (lie.reason == nullptr) return tenant->link().Answers() ? "" : "it was refused";
  return tenant->link().Closed() ? lane.ExpectReason(lie.reason) : "nothing was said to it";
}

// What happens to the memory of rings that run, and have run: frames were both ways.
struct InFlight {
  const char* name;
  const char* reason;  // null: frames pass on
  bool (*act)(Tenant&);
};

bool SendTable(Tenant& tenant, const RegionRequest& region, int file) {
  return tenant.link().Send(Request::kSetMemTable, TableOf({&region, 1}), {&file, 1});
}

constexpr const char* kGone = "was gone when the ring used it";
// Whichever comes first: a look at the ring in between finds no page, one behind it finds zeros.
constexpr const char* kEither = "";
constexpr const char* kTooMuch = "more is available than the ring has";

const InFlight kInFlight[] = {
    {"truncated to nothing", kGone, [](Tenant& t) { return ftruncate(t.guest().file(), 0) == 0; }},
    {"truncated to a page", kGone,
     [](Tenant& t) { return ftruncate(t.guest().file(), kPage) == 0; }},
    {"truncated and grown again", kEither,
     [](Tenant& t) {
       return ftruncate(t.guest().file(), 0) == 0 && ftruncate(t.guest().file(), 4 * kMiB) == 0;
     }},
    {"with a hole punched over all of it", kTooMuch,
     [](Tenant& t) {
       return fallocate(t.guest().file(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                        4 * kMiB) == 0;
     }},
    {"told again", nullptr,
     [](Tenant& t) { return SendTable(t, t.region(), t.guest().file()) && t.link().Answers(); }},
    {"told again a hundred times", nullptr,
     [](Tenant& t) {
       for (int i = 0; i < 100; ++i) {
         if (!SendTable(t, t.region(), t.guest().file())) return false;
       }
       return t.link().Answers();
     }},
    {"with another file at the same addresses", kTooMuch,
     [](Tenant& t) {
       const UniqueFd other = Memfd(4 * kMiB);
       return SendTable(t, t.region(), other.get());
     }},
    {"with half of it, in which the rings are not", "is not inside one memory region",
     [](Tenant& t) {
       RegionRequest half = t.region();
       for (uint64_t* start : {&half.guest_address, &half.user_address, &half.file_offset}) {
         *start += 2 * kMiB;
       }
       half.size = 2 * kMiB;
       return SendTable(t, half, t.guest().file());
     }},
};

Complaint PlayInFlight(Lane& lane, const InFlight& lie, Rings rings) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant(rings);
  if (!lane.Reach(*tenant, Stage::kRunning)) return "the honest part of it failed";
  const Complaint complaint = lane.ExpectFrames(*tenant);
  if (!complaint.empty()) return complaint;
  if (!lie.act(*tenant)) return "the file could not be changed";
  if (lie.reason == nullptr) return lane.ExpectFrames(*tenant);
  for (const uint32_t ring : {kReceive, kTransmit}) tenant->Kick(ring);
  return lane.ExpectReason(lie.reason);
}

}  // namespace

CaseClass MemoryCases() {
  CaseClass all{.name = "memory", .cases = {}};
  for (const Table& lie : Tables()) {
    all.cases.push_back({lie.name, [lie](Lane& lane) { return PlayTable(lane, lie); }});
  }
  for (const InFlight& lie : kInFlight) {
    all.cases.push_back({Cat("split, in flight: ", lie.name),
                         [&lie](Lane& lane) { return PlayInFlight(lane, lie, Rings::kSplit); }});
    // Zeros in a packed ring are descriptors that are not available: nothing is wrong with it.
    if (lie.reason == kTooMuch || lie.reason == kEither) continue;
    all.cases.push_back({Cat("packed, in flight: ", lie.name),
                         [&lie](Lane& lane) { return PlayInFlight(lane, lie, Rings::kPacked); }});
  }
  return all;
}

}  // namespace weft::hostile
