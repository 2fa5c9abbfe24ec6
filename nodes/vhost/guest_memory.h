// SPDX-License-Identifier: Apache-2.0
// A tenant's memory table (vhost-user SET_MEM_TABLE) as this process sees it: immutable, counted,
// swapped by pointer. Control makes it and is the last to let go of it; workers translate guest
// addresses through it, between two quiescent states.
//
// A region is a range of a tenant's file (core/tenant/mapped_file.h): a touch of a page that is
// gone sets faulted().
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"
#include "core/packet/foreign.h"
#include "core/tenant/mapped_file.h"
#include "nodes/vhost/protocol.h"

namespace weft::vhost {

class GuestMemory {
 public:
  // Maps the regions; fds[i] is the file of regions[i], and may be closed afterwards. A file range
  // that `previous` (may be null) already maps is shared with it instead of mapped again: the same
  // file is the same device and inode. Errors: InvalidArgument for a table that breaks a rule
  // (which region, which rule), ResourceExhausted beyond `quota` bytes in total or when this
  // process has no room for one more region.
  static absl::StatusOr<std::shared_ptr<const GuestMemory>> Map(
      std::span<const RegionRequest> regions, std::span<const UniqueFd> fds, uint64_t quota,
      const GuestMemory* previous = nullptr);

  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  // Where [guest_address, guest_address + length) is; null unless the whole range lies in one
  // region.
  ForeignPtr Translate(uint64_t guest_address, uint64_t length) const {
    for (size_t i = 0; i < count_; ++i) {
      const Region& region = regions_[i];
      if (length <= region.size && guest_address - region.guest_address <= region.size - length) {
        return ForeignPtr(region.host + (guest_address - region.guest_address));
      }
    }
    return ForeignPtr();
  }
  // The same for an address of the front-end's own (SET_VRING_ADDR).
  ForeignPtr TranslateUser(uint64_t user_address, uint64_t length) const;

  // True once a page of this tenant's memory was gone when somebody touched it. Any thread.
  bool faulted() const { return faulted_->load(std::memory_order_relaxed); }

  size_t region_count() const { return count_; }
  uint64_t bytes() const { return bytes_; }

 private:
  // What Translate reads: one region is the normal case.
  struct Region {
    uint64_t guest_address = 0;
    uint64_t size = 0;
    uint8_t* host = nullptr;
  };
  // What only control reads.
  struct Backing {
    uint64_t user_address = 0;
    std::shared_ptr<const MappedFile> mapping;  // shared by successive tables
  };

  GuestMemory();

  std::array<Region, kMaxRegions> regions_;
  size_t count_ = 0;
  std::shared_ptr<std::atomic<bool>> faulted_;  // one for all tables of a tenant's session
  std::array<Backing, kMaxRegions> backings_;
  uint64_t bytes_ = 0;
};

}  // namespace weft::vhost
