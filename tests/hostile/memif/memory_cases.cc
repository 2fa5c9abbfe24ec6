// SPDX-License-Identifier: Apache-2.0
// Lies by memory to a memif port that listens: files that are none, regions that cannot be, and
// files that shrink in flight.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include "core/base/text.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/memif/tenant.h"
#include "tests/hostile/things.h"

namespace weft::hostile {
namespace {

using memif::Descriptor;
using memif::MessageType;
using memif::testing::ConnectMessage;
using memif::testing::RegionMessage;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1 << 30;
constexpr const char* kKind = "is not a regular file on hugetlbfs or tmpfs";
constexpr const char* kEnds = "it ends at byte";
constexpr const char* kLimit = "larger than this port's limit";

struct Region {
  File file = File::kMemory;
  uint64_t size = kMiB;
  uint16_t index = 0;
};

struct Table {
  const char* name;
  const char* reason;  // of the last; null: all of them are good
  std::vector<Region> regions;
};

// Regions of the same file, by the order of their numbers.
std::vector<Region> InARow(uint16_t count) {
  std::vector<Region> regions;
  for (uint16_t i = 0; i < count; ++i) regions.push_back({.index = i});
  return regions;
}

std::vector<Table> Tables() {
  return {
      {"one region", nullptr, {{}}},
      {"eight regions of one file", nullptr, InARow(8)},
      {"32 sparse GiB", nullptr, {{File::kSparse, 32 * kGiB}}},
      {"a byte", nullptr, {{.size = 1}}},
      {"all but a byte", nullptr, {{.size = 64 * kMiB - 1}}},
      {"nine regions", "more than 8 memory regions", InARow(9)},
      {"region 1 first", "adds memory region 1 after 0", {{.index = 1}}},
      {"region 65535 first", "adds memory region 65535 after 0", {{.index = 0xffff}}},
      {"the same region twice", "adds memory region 0 after 1", {{}, {}}},
      {"no bytes", "it is empty", {{.size = 0}}},
      {"a byte more than there is", kEnds, {{.size = 64 * kMiB + 1}}},
      {"a short file", kEnds, {{File::kShort, kMiB}}},
      {"2^63 bytes", kLimit, {{.size = uint64_t{1} << 63}}},
      {"2^64 - 1 bytes", kLimit, {{.size = ~uint64_t{0}}}},
      {"a sparse terabyte", kLimit, {{File::kSparse, 1024 * kGiB}}},
      {"a sum over the limit", kLimit, {{File::kSparse, 40 * kGiB}, {File::kSparse, 40 * kGiB, 1}}},
      {"a sum that would wrap", kLimit, {{}, {.size = ~uint64_t{0} - kMiB + 1, .index = 1}}},
      {"a read-only file", "is not open for reading and writing", {{File::kReadOnly}}},
      {"a sealed file", "cannot map its file", {{File::kSealed}}},
      {"a pipe", kKind, {{File::kPipe}}},
      {"a socket", kKind, {{File::kSocket}}},
      {"an eventfd", kKind, {{File::kEventFd}}},
      {"a timer", kKind, {{File::kTimer}}},
      {"an epoll set", kKind, {{File::kEpoll}}},
      {"/dev/null", kKind, {{File::kNull}}},
      {"/dev/zero", kKind, {{File::kZero}}},
      {"a directory", kKind, {{File::kDirectory}}},
      {"a process's memory", kKind, {{File::kProcess}}},
      {"a good file and a pipe", kKind, {{}, {File::kPipe, kMiB, 1}}},
  };
}

Complaint PlayTable(Lane& lane, const Table& lie) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(MemifStage::kKnown)) return "the honest part of it failed";
  for (size_t i = 0; i < lie.regions.size(); ++i) {
    const Region& region = lie.regions[i];
    const UniqueFd file = Make(region.file);
    if (!file.valid()) return "the file could not be made";
    if (lie.reason != nullptr && i + 1 == lie.regions.size()) {
      tenant.link().Send(RegionMessage(region.size, region.index), file.get());
      return tenant.link().Closed() ? lane.ExpectReason(lie.reason) : "nothing was said to it";
    }
    if (!tenant.Ask(RegionMessage(region.size, region.index), file.get())) return "it was refused";
  }
  return "";
}

// What happens to the memory before the rings run, when the switch has it.
struct Early {
  const char* name;
  MemifStage stage;
  off_t length;
  const char* reason;  // null: the rings run all the same
};
constexpr const char* kNoRing = "does not begin as rings do";
const Early kEarly[] = {
    {"shared, then truncated to nothing", MemifStage::kShared, 0, kNoRing},
    {"with rings, then truncated to nothing", MemifStage::kRings, 0, kNoRing},
    {"shared, then truncated to a page", MemifStage::kShared, kPage, nullptr},
    {"with rings, then grown", MemifStage::kRings, 64 * kMiB, nullptr},
};

Complaint PlayEarly(Lane& lane, const Early& lie) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(lie.stage)) return "the honest part of it failed";
  if (ftruncate(tenant.memory().memory.fd(), lie.length) != 0) return "it cannot be truncated";
  if (lie.stage == MemifStage::kShared) {
    for (const bool to_server : {true, false}) {
      if (!tenant.Ask(tenant.ring_message(to_server), tenant.interrupt(to_server))) {
        return "a ring was refused";
      }
    }
  }
  tenant.link().Send(ConnectMessage());
  if (lie.reason == nullptr) {
    return tenant.link().Answers(MessageType::kConnected) ? "" : "it was refused";
  }
  return tenant.link().Closed() ? lane.ExpectReason(lie.reason) : "nothing was said to it";
}

// The same while they run, and have run: frames were both ways.
struct InFlight {
  const char* name;
  const char* reason;  // null: frames pass on
  bool (*act)(int file, MemifTenant& tenant);
};
constexpr const char* kVanished = "was gone when a ring used it";
constexpr const char* kAhead = "index is further ahead";
constexpr const char* kEither = "";  // of the two, whichever is seen first

bool Resize(int file, uint64_t length) { return ftruncate(file, static_cast<off_t>(length)) == 0; }
bool Punch(int file, uint64_t from, uint64_t length) {
  return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                   static_cast<off_t>(length)) == 0;
}

const InFlight kInFlight[] = {
    {"truncated to nothing", kVanished, [](int file, MemifTenant&) { return Resize(file, 0); }},
    {"its buffers truncated away", kVanished,
     [](int file, MemifTenant& tenant) {
       if (!Resize(file, kPage)) return false;
       // A frame in a buffer that is no more; nobody here may touch it either.
       auto& memory = tenant.memory();
       memory.out.Put(
           memory.sent,
           {.flags = 0, .region = 0, .length = 100, .offset = memory.OutBuffer(40), .metadata = 0});
       memory.out.set_head(++memory.sent);
       return true;
     }},
    {"truncated and grown again", kEither,
     [](int file, MemifTenant& tenant) {
       return Resize(file, 0) && Resize(file, tenant.memory().memory.size());
     }},
    {"truncated and grown again, a thousand times", kEither,
     [](int file, MemifTenant& tenant) {
       for (int i = 0; i < 1000; ++i) {
         if (!Resize(file, 0) || !Resize(file, tenant.memory().memory.size())) return false;
       }
       return true;
     }},
    {"with a hole punched over all of it", kAhead,
     [](int file, MemifTenant& tenant) { return Punch(file, 0, tenant.memory().memory.size()); }},
    {"with a hole punched over its buffers", nullptr,
     [](int file, MemifTenant& tenant) {
       return Punch(file, kPage, tenant.memory().memory.size() - kPage);
     }},
    {"grown", nullptr, [](int file, MemifTenant&) { return Resize(file, 64 * kMiB); }},
    {"sealed against shrinking", nullptr,
     [](int file, MemifTenant&) {
       return fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0;
     }},
    {"sealed against who comes later", nullptr,
     [](int file, MemifTenant&) { return fcntl(file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0; }},
    {"sealed against writing, which it is too late for", nullptr,
     [](int file, MemifTenant&) { return fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) != 0; }},
};

Complaint PlayInFlight(Lane& lane, const InFlight& lie) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Run()) return "the honest part of it failed";
  const Complaint complaint = lane.ExpectFrames(tenant);
  if (!complaint.empty()) return complaint;
  if (!lie.act(tenant.memory().memory.fd(), tenant)) return "the file could not be changed";
  if (lie.reason == nullptr) return lane.ExpectFrames(tenant);
  tenant.Kick();
  if (lie.reason == kEither) return lane.ExpectOneOf({kVanished, kAhead});
  return lane.ExpectReason(lie.reason);
}

}  // namespace

CaseClass MemifMemoryCases() {
  CaseClass all{.name = "memif-memory", .cases = {}};
  for (const Table& lie : Tables()) {
    all.cases.push_back({lie.name, [lie](Lane& lane) { return PlayTable(lane, lie); }});
  }
  for (const Early& lie : kEarly) {
    all.cases.push_back({lie.name, [&lie](Lane& lane) { return PlayEarly(lane, lie); }});
  }
  for (const InFlight& lie : kInFlight) {
    all.cases.push_back(
        {Cat("in flight: ", lie.name), [&lie](Lane& lane) { return PlayInFlight(lane, lie); }});
  }
  return PlayedBy(Liar::kMemif, std::move(all));
}

}  // namespace weft::hostile
