// SPDX-License-Identifier: Apache-2.0
// Lies by memory: files that are none, tables that cannot be, and files that shrink in flight.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/cases.h"
#include "tests/hostile/things.h"
#include "tests/support/huge_pages.h"

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

// What may come of a lie, as a set.
using Outcomes = uint8_t;
constexpr Outcomes kPasses = 1;  // nothing: frames go both ways
constexpr Outcomes kGone = 2;    // the port in error, for one of these reasons
constexpr Outcomes kTooMuch = 4;
constexpr Outcomes kNotInside = 8;
constexpr Outcomes kEmpty = 16;  // rings without a descriptor: what is sent there is a counted drop

constexpr std::pair<Outcomes, const char*> kReasons[] = {
    {kGone, "was gone when the ring used it"},
    {kTooMuch, "more is available than the ring has"},
    {kNotInside, "is not inside one memory region"},
};
constexpr const char* kRingFull = "ring-full";

// What happens to the memory of rings that run, and have run: frames were both ways.
struct InFlight {
  const char* name;
  // Zeros in a packed ring are descriptors that are not available: nothing is wrong with it.
  Outcomes split, packed;
  bool (*act)(Tenant&);
  bool same_file = true;
};

bool Truncate(Tenant& tenant, uint64_t bytes) {
  return ftruncate(tenant.guest().file(), static_cast<off_t>(bytes)) == 0;
}
bool Punch(Tenant& tenant) {
  return fallocate(tenant.guest().file(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                   4 * kMiB) == 0;
}
bool SendTable(Tenant& tenant, const RegionRequest& region, int file) {
  return tenant.link().Send(Request::kSetMemTable, TableOf({&region, 1}), {&file, 1});
}

const InFlight kInFlight[] = {
    {"truncated to nothing", kGone, kGone, [](Tenant& t) { return Truncate(t, 0); }},
    {"truncated to a page", kGone, kGone, [](Tenant& t) { return Truncate(t, kPage); }},
    // Whichever comes first: a look at the ring in between finds no page, one behind it finds
    // zeros.
    {"truncated and grown again", kGone | kTooMuch, kGone | kEmpty,
     [](Tenant& t) { return Truncate(t, 0) && Truncate(t, 4 * kMiB); }},
    {"with a hole punched over all of it", kTooMuch, kEmpty, Punch},
    {"told again", kPasses, kPasses,
     [](Tenant& t) { return SendTable(t, t.region(), t.guest().file()) && t.link().Answers(); }},
    {"told again a hundred times", kPasses, kPasses,
     [](Tenant& t) {
       for (int i = 0; i < 100; ++i) {
         if (!SendTable(t, t.region(), t.guest().file())) return false;
       }
       return t.link().Answers();
     }},
    {"with another file at the same addresses", kTooMuch, kEmpty,
     [](Tenant& t) {
       const UniqueFd other = Memfd(4 * kMiB);
       if (!SendTable(t, t.region(), other.get())) return false;
       t.link().Answers();  // unless the port is in error already
       return true;
     },
     false},
    {"with half of it, in which the rings are not", kNotInside, kNotInside,
     [](Tenant& t) {
       RegionRequest half = t.region();
       for (uint64_t* start : {&half.guest_address, &half.user_address, &half.file_offset}) {
         *start += 2 * kMiB;
       }
       half.size = 2 * kMiB;
       return SendTable(t, half, t.guest().file());
     }},
};

// The same where its pages are huge: two of them, and the rings are in the first.
constexpr uint64_t kHuge = testing::HugePages::kBytes;
const InFlight kHugeInFlight[] = {
    {"truncated to nothing", kGone, kGone, [](Tenant& t) { return Truncate(t, 0); }},
    {"a frame's page truncated away", kGone, kGone,
     [](Tenant& t) {
       t.guest().Allocate(1, kHuge);
       const std::pair<uint64_t, uint32_t> piece{t.guest().Put(Bytes(100)), 100};
       const uint16_t chain = t.ring(kTransmit).MakeChain({&piece, 1});
       if (!Truncate(t, kHuge)) return false;
       t.ring(kTransmit).Offer(chain);
       return true;
     }},
    {"truncated and grown again", kGone | kTooMuch, kGone | kEmpty,
     [](Tenant& t) { return Truncate(t, 0) && Truncate(t, 2 * kHuge); }},
    // Another may have got the pages that it gave up.
    {"with a hole punched over all of it", kGone | kTooMuch, kGone | kEmpty, Punch, false},
};

// One of them comes.
Complaint Expect(Lane& lane, Outcomes outcomes, uint64_t lost_before) {
  const std::string command = "show port " + lane.liar_port();
  Complaint complaint = "nothing came of it";
  const bool came = Await([&] {
    const nlohmann::json port = lane.shell().Ask(command);
    if (port.is_null()) return true;
    const std::string reason = port.value("reason", "");
    if (port.value("state", "") != "error") {
      const bool empty = (outcomes & kEmpty) != 0 && lane.Drops(kRingFull) > lost_before;
      if (empty) complaint = lane.ExpectUp();
      return empty;
    }
    const auto* const known =
        std::find_if(std::begin(kReasons), std::end(kReasons), [&](const auto& row) {
          return (outcomes & row.first) != 0 && reason.find(row.second) != reason.npos;
        });
    complaint = known != std::end(kReasons) ? "" : Cat("the port's reason is \"", reason, "\"");
    return true;
  });
  return came ? complaint : "nothing came of it";
}

Complaint PlayInFlight(Lane& lane, const InFlight& lie, const TenantOptions& options) {
  Tenant tenant(options);
  if (!lane.Reach(tenant, Stage::kRunning)) return "the honest part of it failed";
  Complaint complaint = lane.ExpectFrames(tenant);
  if (!complaint.empty()) return complaint;
  const uint64_t lost_before = lane.Drops(kRingFull);
  if (!lie.act(tenant)) return "the file could not be changed";
  const Outcomes outcomes = options.rings == Rings::kSplit ? lie.split : lie.packed;
  if (outcomes == kPasses) return lane.ExpectFrames(tenant);
  for (const uint32_t ring : {kReceive, kTransmit}) tenant.Kick(ring);
  if ((outcomes & kEmpty) != 0) lane.witness().Transmit(lane.FrameToLiar());
  complaint = Expect(lane, outcomes, lost_before);
  // What is offered anew in rings that were emptied is taken.
  if (complaint.empty() && outcomes == kEmpty && lie.same_file) return lane.ExpectSent(tenant);
  return complaint;
}

// All of them, in a memory of such a file.
void AddTo(CaseClass& all, std::span<const InFlight> lies, unsigned file) {
  for (const InFlight& lie : lies) {
    for (const Rings rings : {Rings::kSplit, Rings::kPacked}) {
      all.cases.push_back(
          {Cat(rings == Rings::kSplit ? "split" : "packed", ", in flight: ", lie.name),
           [&lie, rings, file](Lane& lane) {
             TenantOptions options = lane.Options(rings);
             options.file = file;
             return PlayInFlight(lane, lie, options);
           }});
    }
  }
}

}  // namespace

CaseClass MemoryCases() {
  CaseClass all{.name = "memory", .cases = {}};
  for (const Table& lie : Tables()) {
    all.cases.push_back({lie.name, [lie](Lane& lane) { return PlayTable(lane, lie); }});
  }
  AddTo(all, kInFlight, 0);
  return all;
}

CaseClass HugePageCases() {
  CaseClass all{.name = "huge-pages", .cases = {}, .huge_pages = 2};
  AddTo(all, kHugeInFlight, testing::HugePages::kFile);
  return all;
}

}  // namespace weft::hostile
