// SPDX-License-Identifier: Apache-2.0
// Links: weft_nodes_vhost
// Memory tables of any numbers and files, one after the other, beside the rules written down
// plainly, in 128 bits: what is mapped, what is refused, where each address leads, and that it
// leads to the byte of the file that the container means.
//
// The input is a list of tables: a byte that says how many regions and files there are, one for
// the quota and whether the table before it is still there, then five for each region: addresses
// and offset (see NumberOf), size, file.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "nodes/vhost/guest_memory.h"
#include "tests/fuzz/input.h"

namespace weft::vhost {
namespace {

using fuzz::InputReader;
using fuzz::Require;
__extension__ using Wide = unsigned __int128;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kLength = 16 << 20;            // of a good file
constexpr uint64_t kTooHuge = uint64_t{1} << 40;  // more than there are huge pages
constexpr std::array<uint64_t, 4> kQuotas{0, 4 * kPage, 16 << 20, 2 * kTooHuge};

// What a file is, as far as a table goes.
struct File {
  UniqueFd fd;
  bool memory = true;  // a regular one, to be read and written
  uint64_t length = 0;
  bool mappable = true;
};

UniqueFd MemoryFile(uint64_t length, unsigned flags = 0) {
  UniqueFd fd(memfd_create("guest", MFD_CLOEXEC | flags));
  if (fd.valid()) Require(ftruncate(fd.get(), static_cast<off_t>(length)) == 0, "ftruncate");
  return fd;
}

class Files {
 public:
  Files() {
    files_[0] = {MemoryFile(kLength), true, kLength, true};
    files_[1] = {MemoryFile(kLength), true, kLength, true};
    files_[2] = {MemoryFile(kPage), true, kPage, true};
    const std::string path = "/proc/self/fd/" + std::to_string(files_[0].fd.get());
    files_[3] = {UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)), false};
    files_[4] = {UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC)), false};
    files_[5] = {UniqueFd(open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), false};
    files_[6] = {MemoryFile(2 * kTooHuge, MFD_HUGETLB), true, 2 * kTooHuge, false};
    files_[7] = {UniqueFd(), false};
  }
  const File& Get(uint8_t number) const {
    const File& file = files_[number % files_.size()];
    return file.fd.valid() ? file : files_.back();  // a kernel without huge pages
  }

 private:
  std::array<File, 8> files_;
};

// A number near one of the places where something begins or ends.
uint64_t NumberOf(uint8_t choice) {
  constexpr std::array<uint64_t, 8> kPlaces{
      0,        kLength - 2 * kPage, uint64_t{1} << 32, uint64_t{1} << 63, 0 - 4 * kPage,
      kTooHuge, kPage / 2,           0x7000'0000'0000};
  return kPlaces[choice & 7] + (choice >> 3) * kPage;
}

struct Table {
  std::vector<RegionRequest> regions;
  std::vector<const File*> files;  // of each descriptor
  uint64_t quota = 0;
};

bool Disjoint(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
  return Wide{a} + a_size <= b || Wide{b} + b_size <= a;
}

// docs/dev/hostile.md, rules 4 and 8.
bool IsGood(const Table& table) {
  const std::vector<RegionRequest>& regions = table.regions;
  if (regions.empty() || regions.size() > 8 || regions.size() != table.files.size()) return false;
  Wide total = 0;
  for (size_t i = 0; i < regions.size(); ++i) {
    const RegionRequest& r = regions[i];
    for (const uint64_t start : {r.guest_address, r.user_address, r.file_offset}) {
      if (start % kPage != 0 || (Wide{start} + r.size) >> 64 != 0) return false;
    }
    if (r.size == 0 || r.size % kPage != 0) return false;
    for (size_t j = 0; j < i; ++j) {
      if (!Disjoint(r.guest_address, r.size, regions[j].guest_address, regions[j].size) ||
          !Disjoint(r.user_address, r.size, regions[j].user_address, regions[j].size)) {
        return false;
      }
    }
    total += r.size;
    const File& file = *table.files[i];
    if (!file.memory || !file.mappable || Wide{r.file_offset} + r.size > file.length) return false;
  }
  return total <= table.quota;
}

// The region in which all of it lies; null if there is none.
const RegionRequest* RegionOf(const Table& table, uint64_t RegionRequest::*start, uint64_t address,
                              uint64_t length) {
  for (const RegionRequest& region : table.regions) {
    const uint64_t begin = region.*start;
    if (address >= begin && Wide{address} + length <= Wide{begin} + region.size) return &region;
  }
  return nullptr;
}

class Tables {
 public:
  explicit Tables(const Files& files) : files_(files) {}

  void Run(InputReader& input) {
    while (!input.empty()) Step(input);
  }

 private:
  void Step(InputReader& input) {
    const Table table = TableOf(input);
    const bool again = again_;
    std::vector<UniqueFd> fds;
    for (const File* file : table.files) {
      fds.emplace_back(fcntl(file->fd.get(), F_DUPFD_CLOEXEC, 0));
    }
    const auto memory =
        GuestMemory::Map(table.regions, fds, table.quota, again ? memory_.get() : nullptr);
    fds.clear();  // what is mapped stays
    Require(memory.ok() == IsGood(table), "what may be mapped is, and nothing else");
    if (!memory.ok()) {
      Require(!memory.status().message().empty(), "a refusal says why");
      return;
    }
    Require((*memory)->region_count() == table.regions.size(), "regions");
    Check(table, **memory);
    memory_ = *memory;
    Check(table, *memory_);  // the one before it has gone
  }

  Table TableOf(InputReader& input) {
    Table table;
    const uint8_t counts = input.Byte();
    const uint8_t choice = input.Byte();
    table.quota = kQuotas[choice & 3];
    again_ = (choice & 4) != 0;
    const size_t regions = counts % 10U;  // one more than there can be
    const size_t fds = counts < 0xf0 ? regions : counts % 9U;
    for (size_t i = 0; i < std::max(regions, fds); ++i) {
      RegionRequest region{.guest_address = NumberOf(input.Byte()),
                           .size = 0,
                           .user_address = NumberOf(input.Byte()),
                           .file_offset = NumberOf(input.Byte())};
      region.size = NumberOf(input.Byte());
      const File& file = files_.Get(input.Byte());
      // Nobody's huge pages are taken.
      if (!file.mappable) region.size |= kTooHuge;
      if (i < regions) table.regions.push_back(region);
      if (i < fds) table.files.push_back(&file);
    }
    return table;
  }

  // Both ends of each region, and what is just beyond, by both kinds of address.
  void Check(const Table& table, const GuestMemory& memory) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < table.regions.size(); ++i) {
      const RegionRequest& r = table.regions[i];
      bytes += r.size;
      for (const uint64_t offset :
           {uint64_t{0}, kPage - 8, r.size - 8, r.size - 4, r.size, 0 - uint64_t{4}}) {
        for (const uint64_t length : {uint64_t{0}, uint64_t{8}, r.size, 0 - offset}) {
          const uint64_t guest = r.guest_address + offset;
          const uint64_t user = r.user_address + offset;
          const ForeignPtr by_guest = memory.Translate(guest, length);
          const ForeignPtr by_user = memory.TranslateUser(user, length);
          Require((RegionOf(table, &RegionRequest::guest_address, guest, length) != nullptr) ==
                      static_cast<bool>(by_guest),
                  "a guest address is inside one region");
          Require((RegionOf(table, &RegionRequest::user_address, user, length) != nullptr) ==
                      static_cast<bool>(by_user),
                  "an address of the front-end's is inside one region");
          if (length == 8 && offset <= r.size - 8) {
            CheckByte(by_guest, *table.files[i], r.file_offset + offset);
            CheckByte(by_user, *table.files[i], r.file_offset + offset);
          }
        }
      }
    }
    Require(memory.bytes() == bytes && !memory.faulted(), "what is mapped");
  }

  // What is stored there is in the file.
  void CheckByte(ForeignPtr at, const File& file, uint64_t offset) {
    at.Store<uint64_t>(++stored_);
    uint64_t found = 0;
    Require(pread(file.fd.get(), &found, sizeof(found), static_cast<off_t>(offset)) ==
                    ssize_t{sizeof(found)} &&
                found == stored_,
            "an address leads to its byte of the file");
  }

  const Files& files_;
  std::shared_ptr<const GuestMemory> memory_;  // the last table that was good
  bool again_ = false;                         // it is told of it
  uint64_t stored_ = 0;
};

}  // namespace
}  // namespace weft::vhost

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const weft::vhost::Files files;
  weft::fuzz::InputReader input(data, size);
  weft::vhost::Tables(files).Run(input);
  return 0;
}
