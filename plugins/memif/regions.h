// SPDX-License-Identifier: Apache-2.0
// The memory that both ends of a connection share: files of the client's, by number. Control fills
// it while the connection is made; when the first ring runs it is final, and workers translate
// through it.
//
// Also where the memory is weft's own, the other end writes what it likes into it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/sdk/tenant.h"
#include "plugins/memif/protocol.h"

namespace weft::memif {

class Regions {
 public:
  Regions() = default;
  Regions(const Regions&) = delete;
  Regions& operator=(const Regions&) = delete;

  // Maps the next region. InvalidArgument if the file, or its size, is not as it must be;
  // ResourceExhausted beyond `quota` bytes of all regions together.
  absl::Status Add(uint64_t size, int fd, uint64_t quota);

  // Where [offset, offset + length) of a region is; null unless all of it is there.
  ForeignPtr Translate(uint16_t region, uint32_t offset, uint64_t length) const {
    if (region >= count_ || length > regions_[region].size ||
        offset > regions_[region].size - length) {
      return ForeignPtr();
    }
    return ForeignPtr(regions_[region].host + offset);
  }

  // True once a page was gone when somebody touched it. Any thread.
  bool faulted() const { return faulted_.load(std::memory_order_relaxed); }

  size_t count() const { return count_; }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Region {
    uint8_t* host = nullptr;
    uint64_t size = 0;
  };

  std::atomic<bool> faulted_{false};
  std::array<Region, kMaxRegions> regions_;
  size_t count_ = 0;
  uint64_t bytes_ = 0;
  std::array<std::shared_ptr<const MappedFile>, kMaxRegions> files_;
};

// A file of weft's own for a region: `size` bytes, which nobody can shrink.
absl::StatusOr<UniqueFd> MakeRegionFile(uint64_t size);

}  // namespace weft::memif
